package config

import _ "embed"

//go:embed example.toml
var example string

// Example returns a configuration file that holds every key, with its default and what it
// is for. The shortest useful set of keys is active in it, and the others are comments: it
// works as it is where the environment variable MQTT_JWT_SECRET is set and a broker listens
// on port 1884.
func Example() string { return example }
