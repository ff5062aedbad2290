package packets

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// everyError returns the errors that ReadConnect and ParseConnect can return, but for those
// that no CONNECT by itself can cause.
func everyError() []*Error {
	all := []*Error{errLengthTooLong, errLengthNotMinimal, errNotConnect, errNoProtocol,
		errProtocolName, errNoLevel, errLevel, errLevel31}
	add := func(rules ...rule) {
		for _, r := range rules {
			for _, e := range r {
				if e != nil {
					all = append(all, e)
				}
			}
		}
	}
	v := reflect.ValueOf(&rules).Elem()
	walkRules(v, func(r reflect.Value) { add(*(*rule)(r.Addr().UnsafePointer())) })
	add(dataWithoutMethod)
	for i := range properties {
		p := &properties[i]
		if p.place&(connectProperties|willProperties) == 0 {
			continue
		}
		add(p.missing)
		if !p.multiple {
			add(p.twice)
		}
		if p.kind == kindBool || p.nonzero {
			add(p.value)
		}
		if p.kind == kindText || p.kind == kindTopic || p.kind == kindPair {
			add(p.utf8, p.null)
		}
		if p.kind == kindTopic {
			add(p.empty, p.wildcard)
		}
	}
	return all
}

// walkRules calls f for every rule inside v.
func walkRules(v reflect.Value, f func(reflect.Value)) {
	if v.Type() == reflect.TypeFor[rule]() {
		f(v)
		return
	}
	for i := range v.NumField() {
		walkRules(v.Field(i), f)
	}
}

func TestEveryRuleHasAVectorForEveryVersion(t *testing.T) {
	seen := map[*Error]bool{}
	for _, v := range loadVectors(t) {
		var c Connect
		var e *Error
		if errors.As(ParseConnect(v.frame, &c), &e) {
			seen[e] = true
		}
	}
	all := everyError()
	if len(all) < 100 {
		t.Fatalf("found %d errors, want the whole table", len(all))
	}
	for _, e := range all {
		if !seen[e] {
			t.Errorf("no vector for version %v: %v", e.Version, e)
		}
	}
}

func TestEveryErrorIsComplete(t *testing.T) {
	all := append(everyError(), errTLS, errTooLarge, errFrameSize, errStreamLength,
		errNotConnack, errConnackHeader, errConnackLength, errConnackFlags)
	prefixes := map[Version][]string{
		0: {"[MQTT31 ", "[MQTT311 ", "[MQTT5 "}, V31: {"[MQTT31 "}, V311: {"[MQTT311 "}, V5: {"[MQTT5 "},
	}
	for _, e := range all {
		if e.Code < 0x80 || e.category == nil || e.Field == "" || e.Problem == "" || e.operation == "" {
			t.Errorf("incomplete: %#v", e)
		}
		cited := false
		for _, p := range prefixes[e.Version] {
			cited = cited || strings.HasPrefix(e.Statement, p) && strings.HasSuffix(e.Statement, "]")
		}
		if !cited {
			t.Errorf("version %v cites %q: %v", e.Version, e.Statement, e)
		}
	}
}

func TestErrorText(t *testing.T) {
	var c Connect
	err := ParseConnect([]byte("\x10\x0d\x00\x04MQTT\x05\x03\x00\x3c\x00\x00\x00"), &c)
	want := "parse connect: connect flags: the reserved flag is set [MQTT5 3.1.2-3]"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
