package main_test

import (
	"fmt"
	"testing"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

func TestMutualTLSToTheBroker(t *testing.T) {
	t.Parallel()
	ca, stranger := proxytest.NewCA(t, "broker's"), proxytest.NewCA(t, "stranger")
	brokerCert, brokerKey := ca.IssueFiles("broker")
	cert, key := ca.IssueFiles("mqttward")
	m := startMosquitto(t, "cafile "+ca.File(), "certfile "+brokerCert, "keyfile "+brokerKey,
		"require_certificate true", "allow_anonymous true")
	upstream := func(caFile, more string) string {
		return upstreamAt(m.addr()) + fmt.Sprintf("[upstream.tls]\nca_file = %q\n%s", caFile, more)
	}
	ours := fmt.Sprintf("cert_file = %q\nkey_file = %q\n", cert, key)

	w := startWard(t, plainListener, upstream(ca.File(), ours), sampleTokens)
	for _, version := range versions {
		echo(connect(t, w.addr("plain"), profile{version: version, id: "d" + version}))
	}

	w = startWard(t, plainListener, upstream(stranger.File(), ours), sampleTokens)
	for version, want := range map[string]byte{"3.1": 3, "3.1.1": 3, "5.0": 0x88} {
		if got := refusal(t, w.addr("plain"), profile{version: version, id: "distrust"}); got != want {
			t.Errorf("%s: a broker that is not trusted: code %#x, want %#x", version, got, want)
		}
	}

	// In TLS 1.3 the broker asks for our certificate after our side of the handshake is done,
	// so that nobody can be told: what counts is that no client gets in.
	w = startWard(t, plainListener, upstream(ca.File(), ""), sampleTokens)
	conn := dialRaw(t, w.addr("plain"), packets.AppendConnect(nil, rawProfile("5.0", "bare")))
	if got := readToEnd(t, conn); len(got) > 3 && got[0] == 0x20 && got[3] == 0 {
		t.Errorf("without our certificate: got % x, want no success", got)
	}
	if countLines(m.log(), "New client connected", " as bare ") != 0 {
		t.Error("a client came in without our certificate")
	}
}

func TestTheSecondUpstreamAddressServesWhereTheFirstIsDead(t *testing.T) {
	t.Parallel()
	b := startEmbedded(t)
	w := startWard(t, plainListener, upstreamAt(proxytest.FreeAddress(t), b.addr()), sampleTokens)
	for _, version := range versions {
		d := connect(t, w.addr("plain"), profile{version: version, id: "d-" + version})
		d.subscribe("two/#", 1)
		d.publish(message{topic: "two/" + version, payload: "x", qos: 1})
		if got := d.receive().topic; got != "two/"+version {
			t.Errorf("%s: got a message on %q, want %q", version, got, "two/"+version)
		}
		d.disconnect()
	}
	proxytest.Eventually(t, "the sessions are over", func() bool { return w.log.lines(`msg="session ended"`) == len(versions) })
	if got := w.log.lines("msg=connected", "upstream="+b.addr()); got != len(versions) {
		t.Errorf("%d connected lines name the second address, want %d", got, len(versions))
	}
}
