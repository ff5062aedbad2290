package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mqttward/packets"
)

// line is a command to paste, and what will come of it. Its values are plain words: none of
// them wants quoting in any shell.
type line struct {
	Shows    string // in a few words
	Act      act
	Version  packets.Version
	Address  string
	CAFile   string // empty means plain TCP
	UserName string // empty means that none is sent
	Password string // empty means that none is sent
	Want     outcome
}

// act is what a line does once it is connected.
type act string

const (
	publish   act = "mosquitto_pub" // a message, with QoS 1
	subscribe act = "mosquitto_sub" // to the welcome, and ends with it
)

// outcome is how a line ends.
type outcome struct {
	// Code is that of the CONNACK.
	Code packets.ReasonCode
	// Reason is the word in mqttward's log. Empty where the client is let in.
	Reason string
}

// What mosquitto_pub publishes, and where the watcher sees it.
const (
	publishTopic   = "demo/hello"
	publishMessage = "hello"
	watchFilter    = "demo/#"
)

// command is the line as a shell takes it.
func (l line) command() string {
	words := l.connectWords()
	if l.Act == subscribe {
		words = append(words, "-t", welcomeTopic, "-C", "1")
	} else {
		words = append(words, "-q", "1", "-t", publishTopic, "-m", publishMessage)
	}
	return strings.Join(words, " ")
}

// connectWords are the program and what it connects with.
func (l line) connectWords() []string {
	host, port, err := net.SplitHostPort(l.Address)
	if err != nil {
		panic("the demo's own address: " + err.Error())
	}
	words := []string{string(l.Act), "-h", host, "-p", port}
	if l.CAFile != "" {
		words = append(words, "--cafile", l.CAFile)
	}
	words = append(words, "-V", mosquittoVersion(l.Version))
	if l.UserName != "" {
		words = append(words, "-u", l.UserName)
	}
	if l.Password != "" {
		words = append(words, "-P", l.Password)
	}
	return words
}

// watcher is a line that stays connected until its token expires.
type watcher struct {
	line
	Expires time.Time
}

func (w watcher) command() string {
	return strings.Join(append(w.connectWords(), "-t", watchFilter), " ")
}

// linesFile is where the lines stand in the demo's folder, for try.
const linesFile = "lines.json"

func saveLines(dir string, lines []line) error {
	text, err := json.MarshalIndent(lines, "", "\t")
	if err != nil {
		return fmt.Errorf("save the lines: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, linesFile), text, 0o600)
}

// maxLinesFile is many times the size of the file.
const maxLinesFile = 1 << 20

func loadLines(dir string) ([]line, error) {
	f, err := os.Open(filepath.Join(dir, linesFile))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var lines []line
	if err := json.NewDecoder(io.LimitReader(f, maxLinesFile)).Decode(&lines); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	return lines, nil
}
