package proxy

import (
	"testing"
	"time"
)

// A client that was judged by the policy of before a revocation, and is taken for one that came after
// it, would not be looked at again: its user may be gone.
func TestNoConnectionHasAnOldPolicyWithANewRevocation(t *testing.T) {
	const rounds = 200_000
	s := &Server{}
	s.policy.Store(&Policy{})
	s.revocation.Store(&Revocation{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for i := range rounds {
			s.policy.Store(&Policy{Limits: Limits{MaxConnections: i}})
			s.revocation.Store(&Revocation{Over: time.Duration(i)})
		}
	}()
	for {
		p, r := s.inForce()
		if p.Limits.MaxConnections < int(r.Over) {
			t.Errorf("got policy %d with revocation %d, want one no later", p.Limits.MaxConnections, r.Over)
		}
		select {
		case <-ended:
			return
		default:
		}
		if t.Failed() {
			<-ended
			return
		}
	}
}
