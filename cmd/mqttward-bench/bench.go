package main

import (
	"context"
	"crypto"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// bench is what all measurements need. It must be closed.
type bench struct {
	dir         string // temporary
	binary      string // mqttward
	connections int    // the most that are open at once
	loops       int    // of mqttward's relay; 0 leaves it to mqttward
	secrets     *secrets
	serial      int // of the next token
	started     int // proxies so far

	rsaKey, ecdsaKey string // files of public keys
	publicKeys       string // the file of both
	certificates     map[door]certificateFiles
	roots            map[door]string // the certificates, for the clients

	brokerKeys  brokerKeys
	broker      *helper
	brokerDoors map[door]string
	clients     *helper
}

// certificateFiles are a certificate and its key, and both in one file.
type certificateFiles struct{ cert, key, both string }

// newBench builds mqttward and starts the broker and the clients.
func newBench(ctx context.Context, connections, loops int) (*bench, error) {
	b := &bench{connections: connections, loops: loops}
	if err := b.prepare(ctx); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) prepare(ctx context.Context) (err error) {
	if b.dir, err = os.MkdirTemp("", "mqttward-bench-*"); err != nil {
		return err
	}
	if err := b.build(ctx); err != nil {
		return err
	}
	if b.secrets, err = newSecrets(); err != nil {
		return err
	}
	if b.brokerKeys, err = b.writeKeys(); err != nil {
		return err
	}
	if b.broker, b.brokerDoors, err = b.startBroker(); err != nil {
		return err
	}
	b.clients, err = b.startClients()
	return err
}

// startBroker starts a broker. The caller closes it.
func (b *bench) startBroker() (h *helper, doors map[door]string, err error) {
	if h, err = startHelper(helperBroker, b.dir); err != nil {
		return nil, nil, err
	}
	if err = json.NewEncoder(h.stdin).Encode(b.brokerKeys); err == nil {
		err = h.receive(&doors)
	}
	if err != nil {
		h.close()
		return nil, nil, err
	}
	return h, doors, nil
}

// startClients starts a process of clients. The caller closes it.
func (b *bench) startClients() (*helper, error) { return startHelper(helperClients, b.dir) }

// build builds mqttward from this module.
func (b *bench) build(ctx context.Context) error {
	b.binary = filepath.Join(b.dir, "mqttward")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", b.binary, "mqttward/cmd/mqttward")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build mqttward, from a folder of its module: %w\n%s", err, out)
	}
	return nil
}

// writeKeys writes what the proxies need of keys and certificates, and returns the broker's.
func (b *bench) writeKeys() (brokerKeys, error) {
	rsaPEM, err := publicPEM(b.secrets.rsa)
	if err != nil {
		return nil, err
	}
	ecdsaPEM, err := publicPEM(b.secrets.ecdsa)
	if err != nil {
		return nil, err
	}
	files := map[string]string{"rsa.pem": rsaPEM, "ecdsa.pem": ecdsaPEM, "public.pem": rsaPEM + ecdsaPEM}
	b.rsaKey, b.ecdsaKey, b.publicKeys = b.file("rsa.pem"), b.file("ecdsa.pem"), b.file("public.pem")

	b.certificates, b.roots = map[door]certificateFiles{}, map[door]string{}
	keys := brokerKeys{}
	signers := map[door]crypto.Signer{doorTLSRSA: b.secrets.rsa, doorTLSECDSA: b.secrets.ecdsa}
	for _, d := range tlsDoors() {
		c, err := newCertificate(signers[d])
		if err != nil {
			return nil, err
		}
		cert, key, both := string(d)+".crt", string(d)+".key", string(d)+".both"
		files[cert], files[key], files[both] = c.Cert, c.Key, c.Cert+c.Key
		keys[d], b.roots[d] = c, c.Cert
		b.certificates[d] = certificateFiles{b.file(cert), b.file(key), b.file(both)}
	}
	for name, text := range files {
		if err := os.WriteFile(b.file(name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

func (b *bench) file(name string) string { return filepath.Join(b.dir, name) }

// close ends what runs and removes what was written. Routes are closed by those who open
// them.
func (b *bench) close() {
	for _, h := range []*helper{b.clients, b.broker} {
		if h != nil {
			h.close()
		}
	}
	if b.dir != "" {
		os.RemoveAll(b.dir)
	}
}

// order returns an order for the clients of a door.
func (b *bench) order(do string, r *route, d door) order {
	return order{Do: do, Address: r.addresses[d], Root: b.roots[d]}
}

// password returns one token for a door that takes HS256.
func (b *bench) password() ([]string, error) { return b.freshTokens(string(doorHS256), 1) }

// freshTokens returns tokens that nobody has seen.
func (b *bench) freshTokens(algorithm string, n int) (list []string, err error) {
	list, b.serial, err = b.secrets.tokens(algorithm, n, b.serial)
	return list, err
}
