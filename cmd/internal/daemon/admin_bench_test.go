package daemon

import (
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"mqttward/config"
	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// looked are the daemons that are compared: nobody can look, somebody could, somebody does, ten
// times a second.
var looked = []struct{ name, admin string }{{"off", ""}, {"on", withAdmin}, {"scraped", withAdmin}}

// benchmarked serves a configuration, with somebody who scrapes where it is called that.
func benchmarked(b *testing.B, name, admin string) *Daemon {
	b.Helper()
	broker := proxytest.NewBroker(b, proxytest.BrokerOptions{})
	c, err := config.Parse([]byte(plain(broker.Addr())+admin), "c.toml", "/", config.LoadOptions{})
	if err != nil {
		b.Fatal(err)
	}
	d, err := New(c, Options{Log: NewLogger(config.Log{Format: config.LogJSON}, io.Discard)})
	if err != nil {
		b.Fatal(err)
	}
	if err := d.Listen(b.Context()); err != nil {
		b.Fatal(err)
	}
	signals, ended := make(chan os.Signal, 1), make(chan error, 1)
	go func() { ended <- d.Run(signals) }()
	b.Cleanup(func() {
		signals <- os.Interrupt
		<-ended
	})
	if name == "scraped" {
		b.Cleanup(scrapeAlways(b, "http://"+d.AdminAddr().String()+"/metrics"))
	}
	return d
}

// scrapeAlways scrapes until what it returns is called.
func scrapeAlways(b *testing.B, url string) (stop func()) {
	done, left := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		for {
			select {
			case <-done:
				return
			case <-time.After(100 * time.Millisecond):
			}
			resp, err := http.Get(url)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}()
	return func() { close(done); <-left; http.DefaultClient.CloseIdleConnections() }
}

// BenchmarkAdminRoundTrip is a message there and back.
func BenchmarkAdminRoundTrip(b *testing.B) {
	for _, l := range looked {
		b.Run(l.name, func(b *testing.B) {
			d := benchmarked(b, l.name, l.admin)
			conn := benchConnect(b, d)
			defer conn.Close()
			message := make([]byte, 2)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := conn.Write([]byte{0xC0, 0}); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(conn, message); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAdminConnect is from the first SYN to the broker's CONNACK, and the close.
func BenchmarkAdminConnect(b *testing.B) {
	for _, l := range looked {
		b.Run(l.name, func(b *testing.B) {
			d := benchmarked(b, l.name, l.admin)
			for b.Loop() {
				conn := benchConnect(b, d)
				conn.SetLinger(0) // no port is left waiting
				conn.Close()
			}
		})
	}
}

func benchConnect(b *testing.B, d *Daemon) *net.TCPConn {
	conn, err := net.Dial("tcp", d.Addr("mqtt").String())
	if err != nil {
		b.Fatal(err)
	}
	if _, err := conn.Write(packets.AppendConnect(nil, &packets.Connect{Version: packets.V5, CleanStart: true})); err != nil {
		b.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 5)); err != nil {
		b.Fatal(err)
	}
	return conn.(*net.TCPConn)
}
