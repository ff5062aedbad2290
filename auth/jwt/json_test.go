package jwt

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseObject(t *testing.T) {
	deep := func(n int) string { return `{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}` }
	objects := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	tests := []struct {
		text string
		want error
	}{
		{`{}`, nil},
		{" \t\r\n{ \t\r\n} \t\r\n", nil},
		{`{"a":1 , "b" : [ 1 , "x" , null , true , false , { } , [ ] ] }`, nil},
		{`{"a":-0.0e-0,"b":0,"c":10E+5,"d":-12.5}`, nil},
		{`{"a":"\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00"}`, nil},
		{`{"a":{"b":1},"c":{"b":1}}`, nil},
		{deep(maxDepth - 1), nil},
		{deep(maxDepth), errJSONDepth},
		{objects(maxDepth), nil},
		{objects(maxDepth + 1), errJSONDepth},
		{deep(100_000), errJSONDepth},
		{``, errJSONNotObject},
		{`[]`, errJSONNotObject},
		{`"a"`, errJSONNotObject},
		{"\x00{}", errJSONNotObject},
		{"{\"a\":\"\xff\"}", errJSONUTF8},
		{"{\"a\":\"\xed\xa0\x80\"}", errJSONUTF8},
		{`{"a":"\ud83d"}`, errJSONSurrogate},
		{`{"a":"\ud83dx"}`, errJSONSurrogate},
		{`{"a":"\ud83d\u0041"}`, errJSONSurrogate},
		{`{"a":"\ud83d\ud83d"}`, errJSONSurrogate},
		{`{"a":"\ude00\ud83d"}`, errJSONSurrogate},
		{`{"\udead":1}`, errJSONSurrogate},
		{`{"a":1,"a":1}`, errJSONDuplicate},
		{`{"a":1,"\u0061":1}`, errJSONDuplicate},
		{`{"x":[{"a":1,"a":1}]}`, errJSONDuplicate},
		{`{"x":{"y":{"a":1,"b":2,"a":1}}}`, errJSONDuplicate},
		{`{`, errJSONSyntax}, {`{"a"`, errJSONSyntax}, {`{"a":`, errJSONSyntax}, {`{"a":1`, errJSONSyntax},
		{`{"a":1,`, errJSONSyntax}, {`{"a":1,}`, errJSONSyntax}, {`{,}`, errJSONSyntax}, {`{"a" 1}`, errJSONSyntax},
		{`{a:1}`, errJSONSyntax}, {`{'a':1}`, errJSONSyntax}, {`{1:1}`, errJSONSyntax}, {`{null:1}`, errJSONSyntax},
		{`{} {}`, errJSONSyntax}, {`{}x`, errJSONSyntax}, {"{}\x00", errJSONSyntax}, {"{}\u00a0", errJSONSyntax},
		{`{"a":[1,]}`, errJSONSyntax}, {`{"a":[,1]}`, errJSONSyntax}, {`{"a":[1 2]}`, errJSONSyntax}, {`{"a":[1}`, errJSONSyntax},
		{`{"a":01}`, errJSONSyntax}, {`{"a":+1}`, errJSONSyntax}, {`{"a":.5}`, errJSONSyntax}, {`{"a":1.}`, errJSONSyntax},
		{`{"a":1e}`, errJSONSyntax}, {`{"a":1e+}`, errJSONSyntax}, {`{"a":-}`, errJSONSyntax}, {`{"a":0x1}`, errJSONSyntax},
		{`{"a":NaN}`, errJSONSyntax}, {`{"a":Infinity}`, errJSONSyntax}, {`{"a":True}`, errJSONSyntax}, {`{"a":nul}`, errJSONSyntax},
		{`{"a":truex}`, errJSONSyntax}, {`{"a":"}`, errJSONSyntax}, {`{"a":"\`, errJSONSyntax}, {`{"a":"\x41"}`, errJSONSyntax},
		{`{"a":"\u12"}`, errJSONSyntax}, {`{"a":"\u12g4"}`, errJSONSyntax}, {`{"a":"\U0041"}`, errJSONSyntax},
		{"{\"a\":\"\n\"}", errJSONSyntax}, {"{\"a\":\"\x00\"}", errJSONSyntax}, {`{"a":1}//`, errJSONSyntax},
	}
	for _, test := range tests {
		_, err := parseObject([]byte(test.text), nil)
		if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
			t.Errorf("%.80q: got %v, want %v", test.text, err, test.want)
		}
	}
}

func TestText(t *testing.T) {
	m, err := parseObject([]byte(`{"\u006eame":"a\u0000\"\\\/\b\f\n\r\té\u00E9\ud83d\ude00","n":1}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	v, ok := m.get("name")
	got, isText := v.text()
	if want := "a\x00\"\\/\b\f\n\r\téé😀"; !ok || !isText || string(got) != want {
		t.Errorf("got %q (%v %v), want %q", got, ok, isText, want)
	}
	if v, _ := m.get("n"); v.kind != jsonNumber {
		t.Errorf("kind of a number: got %v, want %v", v.kind, jsonNumber)
	} else if _, isText := v.text(); isText {
		t.Error("a number is a text: got true, want false")
	}
}

// A header may be 16 KiB of an attacker's choice: its cost must not be the square of that.
func TestManyNamesAreFoundByIndex(t *testing.T) {
	var b strings.Builder
	b.WriteByte('{')
	for i := range 20_000 {
		fmt.Fprintf(&b, `"%d":0,`, i)
	}
	b.WriteString(`"x":0}`)
	m, err := parseObject([]byte(b.String()), nil)
	if err != nil || len(m) != 20_001 {
		t.Errorf("got %d members, %v; want 20001", len(m), err)
	}
}

func FuzzParseObject(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"a":1}`, `{"a":{"b":[1,2.5e3,"x\u00e9",null,true,false,{}]},"c":"\ud83d\ude00"}`, `{"a":1,"\u0061":2}`,
		`{"a":"\ud800"}`, `{"a":01}`, "{\"a\":\"\xff\"}", `[]`, ` { "x" : -0 } `,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseObject(data, nil)
		var oracle map[string]json.RawMessage
		oracleErr := json.Unmarshal(data, &oracle)
		if err != nil {
			// What we refuse and the oracle takes has one of the reasons that we are stricter for.
			stricter := errors.Is(err, errJSONUTF8) || errors.Is(err, errJSONSurrogate) ||
				errors.Is(err, errJSONDepth) || errors.Is(err, errJSONDuplicate)
			if oracleErr == nil && oracle != nil && !stricter {
				t.Fatalf("%q: refused with %v, encoding/json takes it", data, err)
			}
			return
		}
		if oracleErr != nil || !utf8.Valid(data) {
			t.Fatalf("%q: accepted, encoding/json says %v", data, oracleErr)
		}
		if len(m) != len(oracle) {
			t.Fatalf("%q: %d members, encoding/json has %d", data, len(m), len(oracle))
		}
		for _, member := range m {
			compareValue(t, data, member.value, oracle[string(member.name)])
		}
	})
}

// compareValue checks v against the text that encoding/json found for it.
func compareValue(t *testing.T, data []byte, v value, raw json.RawMessage) {
	var got, want any
	if err := json.Unmarshal(v.raw, &got); err != nil && !strings.Contains(err.Error(), "cannot unmarshal number") {
		t.Fatalf("%q: value %q: %v", data, v.raw, err)
	}
	_ = json.Unmarshal(raw, &want)
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q: got %v, want %v", data, got, want)
	}
	text, isText := v.text()
	if s, ok := want.(string); isText != ok || string(text) != s {
		t.Fatalf("%q: text %q (%v), want %q (%v)", data, text, isText, s, ok)
	}
	if _, ok := want.([]any); ok != (v.kind == jsonArray) {
		t.Fatalf("%q: kind %v of %q", data, v.kind, raw)
	}
	if n, ok := seconds(v); ok && v.kind == jsonNumber && n != want {
		t.Fatalf("%q: number %v, want %v", data, n, want)
	}
}
