package daemon

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"mqttward/config"
	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// BenchmarkReloadOfAMillionUsers reloads a file of a million users while one client after another
// connects as one of them: how long a connect takes, from the dial to the broker's CONNACK, beside
// the same without a reload. The time of one operation is that of the reload.
func BenchmarkReloadOfAMillionUsers(b *testing.B) {
	const million = 1_000_000
	dir := b.TempDir()
	writeMillion(b, filepath.Join(dir, "users"), million)
	broker := proxytest.NewBroker(b, proxytest.BrokerOptions{})
	text := withUsers(broker.Addr())
	load := func() (*config.Config, error) {
		return config.Parse([]byte(text), "c.toml", dir, config.LoadOptions{})
	}
	c, err := load()
	if err != nil {
		b.Fatal(err)
	}
	d, err := New(c, Options{Log: NewLogger(c.Log, io.Discard), Load: load})
	if err != nil {
		b.Fatal(err)
	}
	if err := d.Listen(b.Context()); err != nil {
		b.Fatal(err)
	}
	signals, ended := make(chan os.Signal, 2), make(chan struct{})
	go func() {
		defer close(ended)
		_ = d.Run(signals)
	}()
	b.Cleanup(func() {
		d.Close()
		signals <- syscall.SIGTERM
		<-ended
	})

	connect := packets.AppendConnect(nil, &packets.Connect{
		Version: packets.V311, CleanStart: true, ClientID: []byte("c"),
		HasUserName: true, UserName: []byte("device-0123456"), HasPassword: true, Password: []byte("wonderland"),
	})
	// connects connects while go on says so, and returns how long each took.
	connects := func(goOn func() bool) (took []time.Duration) {
		for goOn() {
			took = append(took, connectOnce(b, d.Addr("mqtt").String(), connect))
		}
		return took
	}
	var idle, busy []time.Duration
	for b.Loop() {
		b.StopTimer()
		quiet := time.Now().Add(time.Second)
		idle = append(idle, connects(func() bool { return time.Now().Before(quiet) })...)
		b.StartTimer()
		before := d.generation()
		signals <- syscall.SIGHUP
		busy = append(busy, connects(func() bool { return d.generation() == before })...)
	}
	for name, took := range map[string][]time.Duration{"idle": idle, "reload": busy} {
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds()), name+"-p50-µs")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), name+"-p99-µs")
		b.ReportMetric(float64(took[len(took)-1].Microseconds()), name+"-max-µs")
	}
}

// writeMillion writes a password file of n users, whose password is "wonderland".
func writeMillion(b *testing.B, file string, n int) {
	b.Helper()
	f, err := os.Create(file)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	out := bufio.NewWriter(f)
	for i := range n {
		fmt.Fprintf(out, "device-%07d:%s\n", i, aliceHash)
	}
	if err := out.Flush(); err != nil {
		b.Fatal(err)
	}
}

// connectOnce returns how long a client takes to be let in.
func connectOnce(b *testing.B, address string, connect []byte) time.Duration {
	b.Helper()
	begin := time.Now()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(begin.Add(patience))
	if _, err := conn.Write(connect); err != nil {
		b.Fatal(err)
	}
	var connack [4]byte
	if _, err := io.ReadFull(conn, connack[:]); err != nil || connack[3] != 0 {
		b.Fatalf("CONNACK % x, %v", connack, err)
	}
	return time.Since(begin)
}
