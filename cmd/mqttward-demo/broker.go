package main

import (
	"log/slog"
	"net"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// welcomeTopic holds a retained message, so that a subscriber sees something at once.
const (
	welcomeTopic = "demo/welcome"
	welcome      = "you are behind mqttward"
)

// broker is a whole MQTT broker in this process. It lets everybody in: that is what
// mqttward stands before it for.
type broker struct {
	server  *mqtt.Server
	address string
}

// startBroker starts a broker on a loopback port of the system's choice.
func startBroker() (*broker, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	// The inline client is for the welcome alone.
	s := mqtt.New(&mqtt.Options{Logger: slog.New(slog.DiscardHandler), InlineClient: true})
	b := &broker{server: s, address: l.Addr().String()}
	if err := s.AddHook(new(everybody), nil); err != nil {
		l.Close()
		return nil, err
	}
	if err := s.AddListener(listeners.NewNet("demo", l)); err != nil {
		l.Close()
		return nil, err
	}
	if err := s.Serve(); err != nil {
		l.Close()
		return nil, err
	}
	if err := s.Publish(welcomeTopic, []byte(welcome), true, 0); err != nil {
		s.Close()
		return nil, err
	}
	return b, nil
}

func (b *broker) close() { b.server.Close() }

// everybody lets every client connect, publish and subscribe.
type everybody struct{ mqtt.HookBase }

// ID names the hook.
func (*everybody) ID() string { return "everybody" }

// Provides says which questions the hook answers.
func (*everybody) Provides(question byte) bool {
	return question == mqtt.OnConnectAuthenticate || question == mqtt.OnACLCheck
}

// OnConnectAuthenticate lets every client connect.
func (*everybody) OnConnectAuthenticate(*mqtt.Client, packets.Packet) bool { return true }

// OnACLCheck lets every client use every topic.
func (*everybody) OnACLCheck(*mqtt.Client, string, bool) bool { return true }
