package proxy_test

import (
	"context"
	"net/netip"
	"testing"

	"mqttward/auth"
	"mqttward/packets"
)

func TestStagesAreToldTheClientsNetwork(t *testing.T) {
	told := make(chan netip.Prefix, 1)
	r := newRig(t, func(o *options) {
		o.Policy.Chain = chainOf(t, stageFunc(func(_ context.Context, c *auth.Credentials) auth.Verdict {
			told <- c.Address
			return auth.Accepted(auth.Identity{})
		}))
	})
	r.connected(client(packets.V5, "", ""))
	if got, want := <-told, netip.MustParsePrefix("127.0.0.1/32"); got != want {
		t.Errorf("Address = %v, want %v", got, want)
	}
}
