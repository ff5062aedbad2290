package relay_test

import "mqttward/proxy/relay"

func init() { truthEngines["uring with hardly any buffers"] = relay.NewTinyRing }
