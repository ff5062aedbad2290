package daemon

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// maxPEMFile bounds the files of keys and certificates. The largest in use, a bundle of all
// public authorities, has a quarter of it.
const maxPEMFile = 1 << 20

// readFile reads a file of keys or certificates, and words what is wrong with it.
func (b *builder) readFile(key, file string) ([]byte, bool) {
	text, err := readPEM(file)
	if err != nil {
		b.fault(key, "read %s: %v", file, bare(err))
		return nil, false
	}
	return text, true
}

func readPEM(file string) ([]byte, error) {
	f, err := openFile(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPEMFile+1))
	if err == nil && len(text) > maxPEMFile {
		err = fmt.Errorf("larger than %d bytes", maxPEMFile)
	}
	return text, err
}

// openFile opens a file that has an end. Devices may have none.
func openFile(file string) (*os.File, error) {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, errors.New("a folder, not a file")
	case info.Mode()&fs.ModeDevice != 0:
		return nil, errors.New("a device, not a file")
	}
	return os.Open(file)
}

// bare strips the operation and the path from an error that is told with both already.
func bare(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
