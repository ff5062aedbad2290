package config

import "crypto/tls"

// maxCertificates is how many a listener may have beside its own.
const maxCertificates = 255

func readListenerTLS(t *table) *ListenerTLS {
	l := &ListenerTLS{
		CertFile:     t.file("cert_file"),
		KeyFile:      t.file("key_file"),
		MinVersion:   tlsVersions[enum(t, "min_version", "1.2", "1.0", "1.1", "1.2", "1.3")],
		ClientAuth:   enum(t, "client_auth", ClientAuthNone, ClientAuthNone, ClientAuthRequest, ClientAuthRequire),
		ClientCAFile: t.file("client_ca_file"),
		CRLFile:      t.file("crl_file"),
		UserNameFrom: enumOrNone(t, "username_from", CertNameCN, CertNameURI, CertNameDNS, CertNameEmail),
		CipherSuites: readCipherSuites(t, "cipher_suites"),
		Certificates: readTables(t, "certificate", readCertificateFiles),

		SessionTicketKeysFile: t.file("session_ticket_keys_file"),
	}
	if !t.present {
		return nil
	}
	if l.MinVersion < tls.VersionTLS12 {
		t.doc.warn(t.key("min_version"), "TLS before 1.2 is broken: keep it only for devices that know nothing newer")
	}
	return l
}

func readCertificateFiles(t *table) CertificateFiles {
	return CertificateFiles{CertFile: t.file("cert_file"), KeyFile: t.file("key_file")}
}

func (d *document) checkListenerTLS(path string, l *ListenerTLS) {
	d.checkPair(path, l.CertFile, l.KeyFile)
	if len(l.Certificates) > maxCertificates {
		d.fault(path+".certificate", "there are %d certificates: %d are the most", len(l.Certificates), maxCertificates)
		return
	}
	for i, c := range l.Certificates {
		d.checkPair(joinIndex(path+".certificate", i), c.CertFile, c.KeyFile)
	}
	if l.ClientAuth == ClientAuthNone {
		for _, f := range [...]struct{ key, value string }{
			{"client_ca_file", l.ClientCAFile}, {"crl_file", l.CRLFile}, {"username_from", string(l.UserNameFrom)},
		} {
			if f.value != "" && !d.faults[path+".client_auth"] {
				d.fault(path+"."+f.key, `no client is asked for a certificate: write client_auth = "require", or remove %s`, f.key)
			}
		}
	} else if l.ClientCAFile == "" {
		d.fault(path+".client_ca_file", "is missing: client_auth = %q needs the authorities of the clients' certificates", l.ClientAuth)
	}
	if l.MinVersion == tls.VersionTLS13 && len(l.CipherSuites) > 0 {
		d.fault(path+".cipher_suites", `has no use with min_version = "1.3", whose suites are always all on: remove one of the two`)
	}
}

// checkPair wants both of a certificate and its key.
func (d *document) checkPair(path, certFile, keyFile string) {
	for _, f := range [...]struct{ key, value string }{{".cert_file", certFile}, {".key_file", keyFile}} {
		if f.value == "" {
			d.fault(path+f.key, "is missing: TLS needs cert_file and key_file, both in PEM")
		}
	}
}
