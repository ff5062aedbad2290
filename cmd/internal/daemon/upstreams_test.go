package daemon

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// cluster is a broker of several nodes.
type cluster []*proxytest.Broker

func newCluster(t *testing.T, n int) cluster {
	t.Helper()
	var c cluster
	for range n {
		c = append(c, proxytest.NewBroker(t, proxytest.BrokerOptions{}))
	}
	return c
}

// config is a configuration of one plain listener before the cluster.
func (c cluster) config() string {
	var all []string
	for _, b := range c {
		all = append(all, b.Addr())
	}
	return plain(strings.Join(all, `", "`))
}

// nodeOf connects a device that must not be refused, and returns the node that it was handed to.
func (c cluster) nodeOf(r *running, id string) int {
	r.t.Helper()
	before := make([]int, len(c))
	for i, b := range c {
		before[i] = len(b.Connects())
	}
	conn, err := net.Dial("tcp", r.Addr("mqtt").String())
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	_, _ = conn.Write(packets.AppendConnect(nil, &packets.Connect{Version: packets.V311, CleanStart: true, ClientID: []byte(id)}))
	var connack [4]byte
	if _, err := io.ReadFull(conn, connack[:]); err != nil || connack != [4]byte{0x20, 2, 0, 0} {
		r.t.Fatalf("%s: got % x, %v; want to be let in", id, connack, err)
	}
	for i, b := range c {
		if len(b.Connects()) > before[i] {
			return i
		}
	}
	r.t.Fatalf("%s: no node has its CONNECT", id)
	return -1
}

// A dead node among three: nobody is refused, the others' share rises, and a device that comes
// back finds its node again when all are back.
func TestADeadNodeAmongThree(t *testing.T) {
	proxytest.CheckLeaks(t)
	const devices = 90
	nodes := newCluster(t, 3)
	r := runReloading(t, t.TempDir(), nodes.config())
	homes := func() (home [devices]int, count [3]int) {
		for i := range devices {
			home[i] = nodes.nodeOf(r.running, fmt.Sprintf("device-%d", i))
			count[home[i]]++
		}
		return home, count
	}
	before, count := homes()
	for i, n := range count {
		if n < devices/6 {
			t.Errorf("node %d: got %d of %d devices", i, n, devices)
		}
	}
	const dead = 1
	address := nodes[dead].Addr()
	nodes[dead].Close()
	during, without := homes()
	if without[dead] != 0 || without[0] <= count[0] || without[2] <= count[2] {
		t.Errorf("without node %d: got %v devices, before %v", dead, without, count)
	}
	for i, home := range before {
		if home != dead && during[i] != home {
			t.Errorf("device %d went from node %d to %d, and its own is there", i, home, during[i])
		}
	}
	if strings.Count(r.log.String(), "the upstream address fails") != 1 {
		t.Errorf("the log does not say once that the address fails:\n%s", r.log)
	}
	// A reload does not send anybody there.
	r.reload(nodes.config()+"[shutdown]\ndrain_timeout = \"1s\"\n", "reloaded")
	if _, without := homes(); without[dead] != 0 {
		t.Errorf("after a reload: got %v devices", without)
	}
	nodes[dead] = proxytest.NewBroker(t, proxytest.BrokerOptions{Addr: address})
	proxytest.Eventually(t, "every device is at its node", func() bool {
		after, _ := homes()
		return after == before
	})
	r.awaitLog("the upstream address answers again")
	r.signals <- os.Interrupt
	if err := r.wait(); err != nil {
		t.Error(err)
	}
}

// A node that answers connections and refuses a CONNECT gets no clients, once the checks know, and
// is not ready.
func TestChecksOfTheBrokerByMQTT(t *testing.T) {
	proxytest.CheckLeaks(t)
	sick := proxytest.NewBroker(t, proxytest.BrokerOptions{Connack: packets.AppendConnack(nil, packets.V5, packets.NotAuthorized, "")})
	nodes := append(newCluster(t, 1), sick)
	const health = "[upstream.health]\ninterval = \"100ms\"\nusername = \"health\"\npassword = \"hunter2hunter2\"\n"
	r := runReloading(t, t.TempDir(), nodes.config()+health)
	r.awaitLog("the upstream address fails")
	if log := r.log.String(); !strings.Contains(log, "refused with 0x87") || strings.Contains(log, "hunter2") {
		t.Errorf("the log:\n%s", log)
	}
	for i := range 20 {
		if n := nodes.nodeOf(r.running, fmt.Sprintf("device-%d", i)); n != 0 {
			t.Errorf("device %d went to node %d", i, n)
		}
	}
	var seen packets.Connect
	all := sick.Connects()
	if err := packets.ParseConnect(all[len(all)-1], &seen); err != nil || string(seen.UserName) != "health" || string(seen.Password) != "hunter2hunter2" {
		t.Errorf("the check's CONNECT has user name %q", seen.UserName)
	}
	// Without checks nothing keeps it out but what clients find.
	r.reload(nodes.config(), "reloaded")
	proxytest.Eventually(t, "a client finds it", func() bool {
		conn := r.dial("mqtt")
		_, _ = conn.Write(packets.AppendConnect(nil, &packets.Connect{Version: packets.V5, CleanStart: true, ClientID: []byte(fmt.Sprint(time.Now()))}))
		_, _ = io.ReadFull(conn, make([]byte, 5))
		conn.Close()
		return strings.Contains(r.log.String(), "the upstream address answers again")
	})
}
