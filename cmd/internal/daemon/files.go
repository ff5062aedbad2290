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

// maxCRLFile bounds the files of revoked certificates: half a million of them.
const maxCRLFile = 16 << 20

// readFile reads a file of keys or certificates of at most most bytes, and words what is wrong
// with it.
func (b *builder) readFile(key, file string, most int64) ([]byte, bool) {
	return b.read(key, file, most, nil)
}

// readPrivateFile is readFile for a file that [checkPrivate] finds private.
func (b *builder) readPrivateFile(key, file string) ([]byte, bool) {
	return b.read(key, file, maxPEMFile, checkPrivate)
}

func (b *builder) read(key, file string, most int64, check func(fs.FileInfo) error) ([]byte, bool) {
	text, err := readAll(file, most, check)
	if err != nil {
		b.fault(key, "read %s: %v", file, bare(err))
		return nil, false
	}
	return text, true
}

// readAll reads a file, and first has check, where it is not nil, judge what was opened.
func readAll(file string, most int64, check func(fs.FileInfo) error) ([]byte, error) {
	f, err := openFile(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if check != nil {
		info, err := f.Stat()
		if err == nil {
			err = check(info)
		}
		if err != nil {
			return nil, err
		}
	}
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("larger than %d bytes", most)
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
