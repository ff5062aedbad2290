package mosquitto

import "strings"

// notTaken says of directives that concern who may connect, or how, why they are not taken over.
var notTaken = map[string]string{
	"acl_file":                   "ACLs stay with the broker, which sees the client's user name",
	"capath":                     "mqttward wants one file: write the authorities of client certificates into it, as client_ca_file",
	"ciphers":                    "mqttward has its own choice of cipher suites; see cipher_suites",
	"ciphers_tls1.3":             "the suites of TLS 1.3 are always all on",
	"dhparamfile":                "there is no classic Diffie-Hellman in mqttward",
	"psk_file":                   "there is no PSK in mqttward",
	"use_subject_as_username":    "a certificate lets nobody in by itself: such clients need a user or a token, and username_from makes the name in it the %n of templates",
	"use_username_as_clientid":   "see auth.client_id_must, which binds a client to its id",
	"clientid_prefixes":          "see auth.client_id_must, which binds a client to its id",
	"auto_id_prefix":             "client ids stay with the broker",
	"allow_zero_length_clientid": "client ids stay with the broker",
	"mount_point":                "mqttward does not see topics: let the broker have a listener for these clients",
	"bind_interface":             "write the interface's address as bind",
	"socket_domain":              "write an address of the family wanted as bind",
	"tls_engine":                 "there are no OpenSSL engines in mqttward",
	"tls_keyform":                "there are no OpenSSL engines in mqttward",
	"tls_engine_kpass_sha1":      "there are no OpenSSL engines in mqttward",
	"http_dir":                   "mqttward serves no HTTP here",
	"max_packet_size":            "the sizes of messages stay with the broker; CONNECT has limits.max_connect_size",
	"plugin":                     "mqttward runs no plugin: see [auth.jwt] and [auth.builtin]",
	"auth_plugin":                "mqttward runs no plugin: see [auth.jwt] and [auth.builtin]",
	"global_plugin":              "mqttward runs no plugin",
	"connection_messages":        "",
	"per_listener_settings":      "",
}

// brokers are the beginnings of directives that concern the broker alone.
var brokers = []string{
	"log_", "persist", "autosave_", "max_", "memory_limit", "message_size_limit", "queue_", "retain", "retry_interval", "sys_interval",
	"upgrade_outgoing_qos", "user", "pid_file", "set_tcp_nodelay", "websockets_", "packet_", "store_clean_interval", "check_retain_source",
	"bridge_", "accept_protocol_versions", "enable_control_api", "plugin_load", "plugin_use",
}

// pluginOptions are the beginnings of a plugin's own directives.
var pluginOptions = []string{"auth_opt_", "plugin_opt_"}

// other notes a directive that is not taken over, unless it is the broker's alone, or told already.
func (c *conf) other(d directive) {
	if why, ok := notTaken[d.name]; ok {
		if why != "" {
			c.note(d, "not taken over: %s", why)
		}
		return
	}
	for _, p := range pluginOptions {
		if strings.HasPrefix(d.name, p) {
			return // the plugin itself has a note; the value may be a secret
		}
	}
	for _, p := range brokers {
		if strings.HasPrefix(d.name, p) {
			return
		}
	}
	c.note(d, "not known here")
}
