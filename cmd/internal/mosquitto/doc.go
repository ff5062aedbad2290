// Package mosquitto reads a mosquitto.conf, and says in mqttward's TOML what of it concerns who may
// connect and where: listeners, TLS files, password_file, allow_anonymous. The rest stays with the
// broker, or is noted as not taken over; nothing is left out in silence that would change who may
// connect.
//
// mqttward has one chain for all listeners. So clients without a user name are let in only where
// every listener that is taken over lets them in, and listeners with different password files are
// an error.
package mosquitto
