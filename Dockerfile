# mqttward as one static binary in an empty image, run by nobody. The image holds nothing else
# but the certificates of the public authorities, for a JWKS server.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /mqttward ./cmd/mqttward

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /mqttward /usr/bin/mqttward
USER 65532:65532
# The configuration is mounted here. Ports from 1024 on need no privilege.
WORKDIR /etc/mqttward
EXPOSE 1883 8883
ENTRYPOINT ["/usr/bin/mqttward"]
CMD ["serve", "-c", "/etc/mqttward/mqttward.toml"]
