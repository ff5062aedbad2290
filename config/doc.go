// Package config turns a TOML file into a checked, immutable [Config].
//
// [Load] reads a file, [Parse] a text. Every fault in it is found in one go and told as a
// [Problem]: file, line, key, and what to write instead. A *Config that is returned is
// complete: every default is applied, every range held, every path made absolute, every
// environment variable expanded, every secret file read.
//
// The package knows the form of the settings, not the things that they name. It opens no
// certificate, key, users or cache file, parses no template and no password hash: the
// caller does, and words what it finds with [Config.Problem], which knows the key's line.
//
// Decisions that hold for all keys:
//
//   - Order: a key's environment variable, then the file, then the default. The variable
//     of auth.jwt.leeway is MQTTWARD_AUTH_JWT_LEEWAY. Only single values outside arrays of
//     tables have one: lists, listeners and users come from the file. A table of which a
//     variable sets a key counts as written. Other variables that begin with MQTTWARD_
//     give a warning, but for those that Kubernetes sets for a service of that name.
//   - The empty string means "not configured", in the file and in a variable.
//   - ${NAME} in a string of the file stands for the environment variable NAME. One that is
//     not set is an error. $${ stands for a literal ${. What a variable holds is taken as
//     it is and not expanded again. Templates (auth.jwt.claims, and the user name in
//     upstream.credentials) are not expanded: they have placeholders of their own.
//   - A relative path is relative to the folder of the file.
//   - Durations and sizes are strings with units. A bare number is refused.
//   - A secret may come from a file: the key with _file at its end. One line end at the end
//     of that file is not part of the secret. Both keys at once are an error, unless one of
//     them is an environment variable: that one holds.
//   - Secrets are of type [Secret], which prints as [redacted] by every verb and encoder.
//     No error text quotes one, and the TOML parser's own quotations are left out for that.
package config
