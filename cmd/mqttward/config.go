package main

import (
	"fmt"
	"io"

	"mqttward/cmd/internal/mosquitto"
	"mqttward/config"
)

const configHelp = `Usage: mqttward config COMMAND ...

  mqttward config example                  prints a configuration with every key explained
  mqttward config import mosquitto FILE    makes one of a mosquitto.conf

"mqttward config import -h" tells how to move from mosquitto, mosquitto-go-auth and
EMQX.
`

func configure(args []string, stdout, stderr io.Writer) int {
	return group("config", configHelp, []command{
		{"example", "", printExample},
		{"import", "", importConfig},
	}, args, stdout, stderr)
}

const exampleHelp = `Usage: mqttward config example

Prints a configuration that works, with every key, its default and its meaning.

  mqttward config example > mqttward.toml
`

func printExample(args []string, stdout, stderr io.Writer) int {
	f := flags("config example", exampleHelp, stderr)
	if code, done := parse(f, args, stdout, stderr); done {
		return code
	}
	fmt.Fprint(stdout, config.Example())
	return exitOK
}

const importHelp = `Usage: mqttward config import mosquitto FILE

Prints a configuration with the listeners, TLS files, password_file and
allow_anonymous of a mosquitto.conf, and notes on standard error what was not taken
over. Nothing is changed; nobody needs a new password.

From mosquitto with a password_file:

  mqttward config import mosquitto /etc/mosquitto/mosquitto.conf > mqttward.toml
  mqttward check -c mqttward.toml

and give mosquitto the listener that the first lines of mqttward.toml tell.

From mosquitto-go-auth with tokens (auth_opt_jwt_mode local), which clients send as
their user name: auth_opt_jwt_secret becomes the secret, and the claim of
auth_opt_jwt_userfield the name that the broker sees, for its ACLs:

  [auth.jwt]
  from = "username"
  secret = "${MQTT_JWT_SECRET}"
  identity_claim = "sub"
  [upstream.credentials]
  mode = "replace"
  username = "%{claim:sub}"

From EMQX with built-in users and tokens: export the users, and write the settings of
its authenticators. Its verify_claims become [auth.jwt.claims]:

  [auth.builtin]
  users_file = "emqx-users.csv"
  algorithm = "sha256"
  salt_position = "prefix"
  [auth.jwt]
  secret = "${MQTT_JWT_SECRET}"
  [auth.jwt.claims]
  username = "${username}"
`

func importConfig(args []string, stdout, stderr io.Writer) int {
	f := flags("config import", importHelp, stderr)
	values, code, done := parseWith(f, []string{"mosquitto", "FILE"}, args, stdout, stderr)
	if done {
		return code
	}
	if values[0] != "mosquitto" {
		return misused(f.Name(), stderr, fmt.Errorf("of whom? write mqttward config import mosquitto %s", values[1]))
	}
	toml, notes, err := mosquitto.Import(values[1])
	if err != nil {
		return failed(f.Name(), stderr, err)
	}
	for _, n := range notes {
		fmt.Fprintf(stderr, "note: %s\n", n)
	}
	fmt.Fprint(stdout, toml)
	return exitOK
}
