package main_test

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
)

// link5 is paho.golang, for MQTT 5.0.
type link5 struct{ client *paho.Client }

// open5 connects a 5.0 client.
func (d *device) open5() error {
	p := d.profile
	client := paho.NewClient(paho.ClientConfig{
		Conn:          packets.NewThreadSafeConn(d.conn),
		PacketTimeout: patience,
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){
			func(r paho.PublishReceived) (bool, error) {
				d.inbox <- received5(r.Packet)
				return true, nil
			},
		},
		OnServerDisconnect: func(p *paho.Disconnect) { d.over <- int(p.ReasonCode) },
		OnClientError:      func(error) { d.over <- noCode },
	})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ack, err := client.Connect(ctx, connect5(p))
	switch {
	case ack != nil && ack.ReasonCode != 0:
		return refused{ack.ReasonCode}
	case err != nil:
		return err
	}
	d.resumed, d.link = ack.SessionPresent, &link5{client}
	return nil
}

func connect5(p profile) *paho.Connect {
	c := &paho.Connect{
		ClientID: p.id, CleanStart: !p.resume, KeepAlive: uint16(p.keepAlive / time.Second),
		UsernameFlag: p.user != "", Username: p.user,
		PasswordFlag: p.password != "", Password: []byte(p.password),
		// The library keeps room for as many messages.
		Properties: &paho.ConnectProperties{ReceiveMaximum: paho.Uint16(1000), RequestProblemInfo: true},
	}
	if p.resume {
		c.Properties.SessionExpiryInterval = paho.Uint32(300)
	}
	if w := p.will; w != nil {
		c.WillMessage = &paho.WillMessage{Topic: w.topic, Payload: []byte(w.payload), QoS: w.qos, Retain: w.retain}
		c.WillProperties = &paho.WillProperties{
			ContentType: w.properties.contentType, ResponseTopic: w.properties.responseTopic,
			CorrelationData: []byte(w.properties.correlation), User: user5(w.properties.user),
		}
	}
	return c
}

func (l *link5) subscribe(filter string, qos byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := l.client.Subscribe(ctx, &paho.Subscribe{
		Subscriptions: []paho.SubscribeOptions{{Topic: filter, QoS: qos}},
	})
	return err
}

func (l *link5) publish(m message) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := l.client.Publish(ctx, &paho.Publish{
		Topic: m.topic, Payload: []byte(m.payload), QoS: m.qos, Retain: m.retain,
		Properties: &paho.PublishProperties{
			ContentType: m.properties.contentType, ResponseTopic: m.properties.responseTopic,
			CorrelationData: []byte(m.properties.correlation), User: user5(m.properties.user),
		},
	})
	return err
}

func (l *link5) disconnect() error {
	err := l.client.Disconnect(&paho.Disconnect{})
	<-l.client.Done()
	if errors.Is(err, net.ErrClosed) { // the other side was first
		return nil
	}
	return err
}

func received5(p *paho.Publish) message {
	m := message{topic: p.Topic, payload: string(p.Payload), qos: p.QoS, retain: p.Retain}
	if p.Properties != nil {
		m.properties = properties{
			contentType: p.Properties.ContentType, responseTopic: p.Properties.ResponseTopic,
			correlation: string(p.Properties.CorrelationData), user: p.Properties.User.Get(userProperty),
		}
	}
	return m
}

// userProperty is the one user property that the tests send.
const userProperty = "unit"

func user5(value string) paho.UserProperties {
	if value == "" {
		return nil
	}
	return paho.UserProperties{{Key: userProperty, Value: value}}
}
