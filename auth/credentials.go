package auth

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"time"
)

// Credentials are what a client claims in its CONNECT; nothing of that is proven. What it has
// proven before stands beside it: the name in its certificate, and its address.
// The slices alias the packet that was read: they are valid while the chain judges,
// must not be changed, and a stage that keeps anything copies it.
type Credentials struct {
	// ClientID is the client identifier; it may be empty.
	ClientID []byte
	// UserName is meaningful only where HasUserName is true; it may be empty even then.
	UserName    []byte
	HasUserName bool
	// Password is meaningful only where HasPassword is true; it may be empty even then.
	Password    []byte
	HasPassword bool
	// CertName is the name in the certificate that the client was verified by; empty where it has
	// none, and whatever names it is refused then.
	CertName string
	// Address is the network that the client is counted under: its address in IPv4, its /64 in
	// IPv6. It is no claim of the client's: whoever shares it shares what there is of a scarce
	// thing. The zero value means unknown, and all those count as one.
	Address netip.Prefix
}

// LogValue shows the credentials without the password and with tokens masked. It leaves the
// address to whoever knows the connection.
func (c Credentials) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("client_id", Display(c.ClientID))}
	if c.HasUserName {
		attrs = append(attrs, slog.String("username", Display(c.UserName)))
	}
	if c.CertName != "" {
		attrs = append(attrs, slog.String("cert_name", Display([]byte(c.CertName))))
	}
	return slog.GroupValue(append(attrs, slog.Bool("has_password", c.HasPassword))...)
}

// String is LogValue's text.
func (c Credentials) String() string { return c.LogValue().String() }

// Format prints LogValue's text, so that no verb prints a secret.
func (c Credentials) Format(f fmt.State, _ rune) { io.WriteString(f, c.String()) }

// Identity is what a stage has proven about a client.
type Identity struct {
	// Name is the proven user name, client id or claim; empty where nothing but the
	// validity of a token, or nothing at all, was proven.
	Name string
	// Expires is when the proof ends, leeway included; the zero time means never.
	Expires time.Time
	// Mark stands for the user or the key that the proof rests on; zero where nobody keeps an eye on
	// that.
	Mark Mark
	// Claims holds the string claims that the stage was told to keep, by name. Nil
	// where none were.
	Claims map[string]string
}

// Decision is a stage's opinion of a client.
type Decision uint8

// The decisions. The zero value is Ignore: a stage that says nothing lets nobody in.
const (
	Ignore Decision = iota
	Accept
	Deny
)

// String returns the decision's word, as it stands in logs and metrics.
func (d Decision) String() string {
	switch d {
	case Accept:
		return "accept"
	case Deny:
		return "deny"
	default:
		return "ignore"
	}
}

// Verdict is the outcome of a stage, and of the chain.
type Verdict struct {
	Decision Decision
	// Reason is why the client is refused; None unless Decision is Deny.
	Reason Reason
	// Stage is the name of the stage that decided; the chain fills it in. Empty where
	// none did.
	Stage string
	// Detail says more for the log, such as a claim's name. It never holds a secret, a
	// token or a claim's value.
	Detail string
	// Identity is what was proven; the zero value unless Decision is Accept.
	Identity Identity
}

// Accepted is the verdict that lets a client in as id.
func Accepted(id Identity) Verdict { return Verdict{Decision: Accept, Identity: id} }

// Denied is the verdict that refuses a client. detail may be empty.
func Denied(r Reason, detail string) Verdict {
	return Verdict{Decision: Deny, Reason: r, Detail: detail}
}

// Ignored is the verdict of a stage that has no opinion.
func Ignored() Verdict { return Verdict{} }

// The names of the stages, as they stand in verdicts, logs and metrics. StageAnonymous is that
// of whoever is let in because every stage ignored it.
const (
	StageBuiltin   = "builtin"
	StageJWT       = "jwt"
	StageAnonymous = "anonymous"
)

// Authenticator is one stage of a chain. Authenticate is called by many goroutines at
// once and returns when ctx ends, with a Deny of [Busy]. It must not keep c or its slices. A
// stage that waits, or computes for more than some hundred microseconds, asks ctx for its Done
// before that: until then, other clients may be waiting for it to return.
type Authenticator interface {
	// Name is the stage's word in logs and metrics, such as "builtin".
	Name() string
	Authenticate(ctx context.Context, c *Credentials) Verdict
}
