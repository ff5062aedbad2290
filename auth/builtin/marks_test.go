package builtin

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"mqttward/auth"
)

// fastSHA512 is of the password "wonderland".
const fastSHA512 = "$6$MDEyMzQ1Njc4OWFi$5X1J/NGh4bFWFyFTvu4B+80xJ+wxkcNEKZQlB3bm9NvWe28HuYqAS4gFPm8l8Cg2qUyXpd3rik8dXbpuZCPF0g=="

// markedStage is the stage of a file's text and of users beside it.
func markedStage(t *testing.T, m *auth.Marker, by IdentifyBy, file string, users ...User) *Stage {
	t.Helper()
	o := Options{Users: users, IdentifyBy: by, Marker: m}
	if file != "" {
		var err error
		if o.File, _, err = ReadFile(strings.NewReader(file), "users", FileOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return newStage(t, o)
}

// Whoever is let in has a mark, which stands for as long as its user and hash do, whatever else changes.
func TestMarkOfAUserStandsWhileItsEntryIsTheSame(t *testing.T) {
	const joe, other = "joe:" + fastSHA512, "ann:" + fastSHA512
	m := auth.NewMarker()
	listed := User{Name: "joe", Hash: mustParse(t, fastSHA512)}
	first := markedStage(t, m, UserName, joe+"\n"+other+"\n")
	v := first.Authenticate(context.Background(), credentials("joe", "wonderland"))
	mark := v.Identity.Mark
	if v.Decision != auth.Accept || mark.Origin() != auth.OfUser {
		t.Fatalf("got %v with mark %x", v.Decision, mark)
	}
	for _, tt := range []struct {
		name  string
		stage *Stage
		want  auth.Standing
	}{
		{"the same file", first, auth.Stands},
		{"others around it", markedStage(t, m, UserName, "# new\nann:"+emptySHA512+"\nbob:"+fastSHA512+"\n"+joe+"\r\n"), auth.Stands},
		{"moved to the configuration", markedStage(t, m, UserName, other+"\n", listed), auth.Stands},
		{"gone", markedStage(t, m, UserName, other+"\n"), auth.Gone},
		{"a file of nobody", markedStage(t, m, UserName, "# nobody\n"), auth.Gone},
		{"no file", markedStage(t, m, UserName, "", User{Name: "ann", Hash: listed.Hash}), auth.Gone},
		{"another password", markedStage(t, m, UserName, "joe:"+emptySHA512+"\n"), auth.Gone},
		{"found by client id", markedStage(t, m, ClientID, joe+"\n"), auth.Gone},
	} {
		if got := tt.stage.Marks().Standing(mark); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
	if got := markedStage(t, m, UserName, "", listed).Authenticate(context.Background(), credentials("joe", "wonderland")).Identity.Mark; got != mark {
		t.Errorf("of the configuration: got mark %x, want %x", got, mark)
	}
}

// A file of any size: each of its users stands, also where it fills several chunks.
func TestMarksOfManyUsers(t *testing.T) {
	const users = 20_000 // two chunks
	var text strings.Builder
	for i := range users {
		fmt.Fprintf(&text, "device-%05d:%s\n", i, fastSHA512)
	}
	s := markedStage(t, auth.NewMarker(), UserName, text.String())
	marks := s.Marks()
	if len(marks) != users {
		t.Fatalf("got %d marks, want %d", len(marks), users)
	}
	for i := range users {
		if m := s.mark(fmt.Appendf(nil, "device-%05d", i)); marks.Standing(m) != auth.Stands {
			t.Fatalf("user %d: its mark %x is not there", i, m)
		}
	}
	if m := s.mark([]byte("device-20000")); m != 0 {
		t.Errorf("nobody: got mark %x", m)
	}
}
