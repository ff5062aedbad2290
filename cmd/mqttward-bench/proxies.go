package main

import (
	"fmt"
	"os"
	"strings"
)

// What each proxy is configured with. All have the same doors; only haproxy needs one for
// each kind of token, since its configuration names the algorithm.

// proxyThreads is how many threads or processes haproxy and nginx get.
const proxyThreads = 2

// haproxyPlan judges packet and token where mqttward does, and no claims. splice has the
// kernel move the bytes.
func (b *bench) haproxyPlan(addresses map[door]string, splice bool) plan {
	var c strings.Builder
	fmt.Fprintf(&c, "global\n  nbthread %d\n  maxconn %d\n", proxyThreads, b.connections+spareConnections)
	c.WriteString("defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 1h\n  timeout server 1h\n")
	if splice {
		c.WriteString("  option splice-auto\n")
	}
	keys := map[door]string{doorRS256: b.rsaKey, doorES256: b.ecdsaKey}
	for _, d := range allDoors() {
		fmt.Fprintf(&c, "frontend %s\n  bind %s", d, addresses[d])
		if files, ok := b.certificates[d]; ok {
			fmt.Fprintf(&c, " ssl crt %s", files.both)
		}
		c.WriteString("\n  tcp-request inspect-delay 15s\n")
		c.WriteString("  tcp-request content reject unless { req.payload(0,0),mqtt_is_valid }\n")
		algorithm, key := string(d), keys[d]
		if key == "" {
			algorithm, key = string(doorHS256), b.secrets.hmac
		}
		if d != doorAnonymous {
			fmt.Fprintf(&c, "  tcp-request content reject unless { req.payload(0,0),mqtt_field_value(connect,password),jwt_verify(%s,\"%s\") 1 }\n", algorithm, key)
		}
		c.WriteString("  default_backend broker\n")
	}
	fmt.Fprintf(&c, "backend broker\n  server broker %s\n", b.brokerDoors[doorAnonymous])
	return plan{program: "haproxy", args: []string{"-db", "-f"}, config: c.String()}
}

// spareConnections are for what is still closing from the round before.
const spareConnections = 200

// streamModule is nginx's, where it is not built in.
const streamModule = "/usr/lib/nginx/modules/ngx_stream_module.so"

// nginxPlan passes everything on.
func (b *bench) nginxPlan(addresses map[door]string) plan {
	var c strings.Builder
	if _, err := os.Stat(streamModule); err == nil {
		fmt.Fprintf(&c, "load_module %s;\n", streamModule)
	}
	files := 2*(b.connections+spareConnections) + spareConnections
	fmt.Fprintf(&c, "daemon off;\npid nginx.pid;\nerror_log stderr;\nworker_processes %d;\nworker_rlimit_nofile %d;\n", proxyThreads, files)
	fmt.Fprintf(&c, "events { worker_connections %d; }\nstream {\n", files)
	for _, d := range allDoors() {
		fmt.Fprintf(&c, "server {\n  proxy_pass %s;\n  proxy_timeout 1h;\n  listen %s", b.brokerDoors[doorAnonymous], addresses[d])
		if files, ok := b.certificates[d]; ok {
			fmt.Fprintf(&c, " ssl;\n  ssl_protocols TLSv1.3;\n  ssl_certificate %s;\n  ssl_certificate_key %s", files.cert, files.key)
		}
		c.WriteString(";\n}\n")
	}
	c.WriteString("}\n")
	return plan{program: "nginx", args: []string{"-p", b.dir, "-c"}, config: c.String()}
}
