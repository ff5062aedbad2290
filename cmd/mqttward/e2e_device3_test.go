package main_test

import (
	"errors"
	"net"
	"net/url"

	mqtt3 "github.com/eclipse/paho.mqtt.golang"
)

// link3 is paho.mqtt.golang, for MQTT 3.1 and 3.1.1.
type link3 struct{ client mqtt3.Client }

// open3 connects a 3.x client.
func (d *device) open3() error {
	p := d.profile
	level := uint(4)
	if p.version == "3.1" {
		level = 3
	}
	o := mqtt3.NewClientOptions().
		AddBroker("tcp://" + d.conn.RemoteAddr().String()).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt3.ClientOptions) (net.Conn, error) { return d.conn, nil }).
		SetProtocolVersion(level).SetClientID(p.id).SetUsername(p.user).SetPassword(p.password).
		SetCleanSession(!p.resume).SetKeepAlive(p.keepAlive).
		SetAutoReconnect(false).SetConnectTimeout(patience).
		SetDefaultPublishHandler(func(_ mqtt3.Client, m mqtt3.Message) {
			d.inbox <- message{topic: m.Topic(), payload: string(m.Payload()), qos: m.Qos(), retain: m.Retained()}
		}).
		SetConnectionLostHandler(func(mqtt3.Client, error) { d.over <- noCode })
	if w := p.will; w != nil {
		o.SetBinaryWill(w.topic, []byte(w.payload), w.qos, w.retain)
	}
	client := mqtt3.NewClient(o)
	token := client.Connect().(*mqtt3.ConnectToken)
	if err := await(token); err != nil {
		if code := token.ReturnCode(); code != 0 && code <= 5 {
			return refused{code}
		}
		return err
	}
	d.resumed, d.link = token.SessionPresent(), &link3{client}
	return nil
}

func (l *link3) subscribe(filter string, qos byte) error {
	return await(l.client.Subscribe(filter, qos, nil))
}

func (l *link3) publish(m message) error {
	return await(l.client.Publish(m.topic, m.qos, m.retain, []byte(m.payload)))
}

func (l *link3) disconnect() error {
	l.client.Disconnect(1) // ms, for what is under way: nothing is, since publish waits
	return nil
}

func await(token mqtt3.Token) error {
	if !token.WaitTimeout(patience) {
		return errors.New("no answer")
	}
	return token.Error()
}
