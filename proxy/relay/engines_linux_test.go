package relay_test

import "mqttward/proxy/relay"

// loopEngines are those of event loops, which Linux alone has.
var loopEngines = []string{relay.EngineEpoll, relay.EngineUring}
