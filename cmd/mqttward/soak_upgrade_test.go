//go:build linux

package main_test

import (
	"syscall"
)

// enginesHere are the relay's engines that are to be had, the one first that mqttward has begun with.
func (s *soak) enginesHere() []string {
	switch { // the short soak ends with the third
	case s.log.engines["uring"]:
		return []string{"uring", "goroutine", "epoll"}
	case s.log.engines["epoll"]:
		return []string{"epoll", "goroutine"}
	}
	s.t.Fatalf("the log tells of no event loops: %v", s.log.engines)
	return nil
}

// upgrade has the next process take over, with another engine, and waits until the old one has drained
// and ended. What the old one has given tickets for resumes with the new one. Before that, one that
// finds something broken gives up.
func (s *soak) upgrade() {
	s.failUpgrade()
	s.upgradesDone++
	s.settings.engine = s.engines[s.upgradesDone%len(s.engines)]
	holders := s.ticketHolders()
	s.settings.restore()
	s.upgrades.begin()
	defer s.upgrades.end()
	stopped := s.stopped()
	s.expect(wordServes, s.askUpgrade)
	s.l.pid = s.log.successor
	s.drained += s.log.sessions
	s.resume(holders, true)
	s.bans = nil // each process has its own
	s.await("the old process has ended", func() bool { return s.stopped() == stopped+1 })
}

// failUpgrade has a process start that can't take over.
func (s *soak) failUpgrade() {
	all := s.breaks()
	all[s.upgradesDone%len(all)].make()
	s.expect(wordNoUpgrade, s.askUpgrade)
	s.settings.restore()
}

func (s *soak) askUpgrade() {
	if err := syscall.Kill(s.l.pid, syscall.SIGUSR2); err != nil {
		s.fault("SIGUSR2: %v", err)
	}
}

// stopped is how many processes have ended, with sessions cut or not.
func (s *soak) stopped() int { return s.log.count(wordStopped) + s.log.count(wordCut) }

// end has the last process end, which has no clients any more.
func (s *soak) end() {
	stopped := s.log.count(wordStopped)
	if err := syscall.Kill(s.l.pid, syscall.SIGTERM); err != nil {
		s.fault("SIGTERM: %v", err)
		return
	}
	s.await("the last process ends in order", func() bool { return s.log.count(wordStopped) == stopped+1 })
	if err := s.l.wait(); err != nil && s.log.count(wordCut) == 0 {
		s.t.Errorf("the first process: %v, want exit code 0", err)
	}
}
