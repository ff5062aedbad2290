package builtin

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mqttward/auth"
)

// slowUser is the only user, "joe" with the password "pw", whose hash calls run.
func slowUser(run func(password []byte)) []User {
	return []User{{Name: "joe", Hash: &fakeHash{password: "pw", takes: time.Second, run: run}}}
}

// inBackground authenticates joe and sends the verdict.
func inBackground(ctx context.Context, s *Stage) <-chan auth.Verdict {
	verdict := make(chan auth.Verdict, 1)
	go func() { verdict <- s.Authenticate(ctx, credentials("joe", "pw")) }()
	return verdict
}

func TestSlowHashDecides(t *testing.T) {
	s := newStage(t, Options{Users: slowUser(nil), Workers: 2})
	for password, want := range map[string]auth.Decision{"pw": auth.Accept, "no": auth.Deny, "": auth.Deny} {
		if got := s.Authenticate(t.Context(), credentials("joe", password)); got.Decision != want {
			t.Errorf("password %q: %v, want %v", password, got.Decision, want)
		}
	}
}

func TestFullQueueIsBusyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s, err := New(Options{Users: slowUser(func([]byte) { <-release }), Workers: 1, Queue: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		computed := inBackground(t.Context(), s)
		synctest.Wait()
		queued := inBackground(t.Context(), s)
		synctest.Wait()

		for _, name := range []string{"joe", "nobody"} {
			begin := time.Now()
			got := s.Authenticate(t.Context(), credentials(name, "pw"))
			if got.Decision != auth.Deny || got.Reason != auth.Busy || time.Since(begin) != 0 {
				t.Errorf("%s: %v %v after %v, want deny busy at once", name, got.Decision, got.Reason, time.Since(begin))
			}
		}
		close(release)
		for _, verdict := range []<-chan auth.Verdict{computed, queued} {
			if got := <-verdict; got.Decision != auth.Accept {
				t.Errorf("a client in time: %v, want accept", got)
			}
		}
	})
}

func TestTimeoutIsBusyAndTheJobIsSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		release := make(chan struct{})
		users := slowUser(func([]byte) { asked.Add(1); <-release })
		s, err := New(Options{Users: users, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		begin := time.Now()
		computed, queued := inBackground(ctx, s), inBackground(ctx, s)
		for _, verdict := range []<-chan auth.Verdict{computed, queued} {
			if got := <-verdict; got.Reason != auth.Busy {
				t.Errorf("verdict = %v, want busy", got)
			}
		}
		if got, want := time.Since(begin), 5*time.Second; got != want {
			t.Errorf("returned after %v, want %v", got, want)
		}
		close(release)
		synctest.Wait()
		if got := asked.Load(); got != 1 {
			t.Errorf("%d hashes were computed, want 1: nobody waited for the other", got)
		}
	})
}

func TestEndedContextIsBusyWithoutAHash(t *testing.T) {
	s := newStage(t, Options{Workers: 1, Users: slowUser(func([]byte) { t.Error("a hash was computed") })})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := s.Authenticate(ctx, credentials("joe", "pw")); got.Reason != auth.Busy {
		t.Errorf("verdict = %v, want busy", got)
	}
}

func TestWorkerHasItsOwnPasswordAndWipesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []byte
		release := make(chan struct{})
		s, err := New(Options{Workers: 1, Users: slowUser(func(password []byte) {
			seen = password
			<-release
			if string(password) != "pw" {
				t.Errorf("the worker's password became %q when the caller reused its buffer", password)
			}
		})})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		ctx, cancel := context.WithCancel(t.Context())
		c := credentials("joe", "pw")
		left := make(chan struct{})
		go func() {
			s.Authenticate(ctx, c)
			copy(c.Password, "XX")
			close(left)
		}()
		synctest.Wait()
		cancel()
		<-left
		close(release)
		synctest.Wait()
		if !bytes.Equal(seen, []byte{0, 0}) {
			t.Errorf("the worker left %q, want it wiped", seen)
		}
	})
}

func TestPanicInAWorkerIsAnInternalError(t *testing.T) {
	var out bytes.Buffer
	s := newStage(t, Options{
		Workers: 1,
		Users:   slowUser(func(password []byte) { panic("hunter22 " + string(password)) }),
		Log:     slog.New(slog.NewTextHandler(&out, nil)),
	})
	for range 2 { // the worker lives on
		if got := s.Authenticate(t.Context(), credentials("joe", "pw")); got.Decision != auth.Deny || got.Reason != auth.InternalError {
			t.Errorf("verdict = %v, want deny internal_error", got)
		}
	}
	s.Close()
	if log := out.String(); !strings.Contains(log, "panicked") || strings.Contains(log, "hunter22") {
		t.Errorf("log = %q, want the panic without its value", log)
	}
}

func TestCloseWaitsForTheWorkersAndWipesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s, err := New(Options{Users: slowUser(func([]byte) { <-release }), Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		computed := inBackground(t.Context(), s)
		synctest.Wait()
		queued := inBackground(t.Context(), s)
		synctest.Wait()
		closed := make(chan struct{})
		go func() { s.Close(); close(closed) }()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("Close returned before the worker had ended")
		default:
		}
		for _, verdict := range []<-chan auth.Verdict{computed, queued, inBackground(t.Context(), s)} {
			if got := <-verdict; got.Reason != auth.Busy {
				t.Errorf("verdict while closing = %v, want busy", got)
			}
		}
		close(release)
		<-closed
		if got := s.pool.queue.jobs.Len(); got != 0 {
			t.Errorf("%d jobs left, want 0", got)
		}
		s.Close()
	})
}

func TestCloseAmongClients(t *testing.T) {
	s, err := New(Options{Users: slowUser(nil), Workers: 2, Queue: 4})
	if err != nil {
		t.Fatal(err)
	}
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for i := range 100 {
				c := credentials("joe", "no")
				c.Address = addressOf(byte(i % 3))
				if got := s.Authenticate(t.Context(), c); got.Reason != auth.BadPassword && got.Reason != auth.Busy {
					t.Errorf("verdict = %v, want bad_password or busy", got)
				}
			}
		})
	}
	s.Close()
	clients.Wait()
}

func TestQueueHasItsDefaultLength(t *testing.T) {
	for queue, want := range map[int]int{0: 4096, 7: 7} {
		s := newStage(t, Options{Users: slowUser(nil), Queue: queue})
		if got := s.pool.places; got != want {
			t.Errorf("queue %d: %d may wait, want %d", queue, got, want)
		}
	}
}
