// Package proxytest helps to test what stands between clients and a broker: a broker that
// records and misbehaves on demand, certificates made on the spot, and a check that nothing
// is left behind.
package proxytest
