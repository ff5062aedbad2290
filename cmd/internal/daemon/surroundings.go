package daemon

import (
	"mqttward/cmd/internal/handover"
	"mqttward/cmd/internal/systemd"
)

// FromProcess sets what of o comes from how this process was started: the sockets that it was
// passed, the program that it is, and the service manager. It must be called once, before this
// process starts another one or changes its working folder.
func (o *Options) FromProcess() (err error) {
	if o.Inherited, err = handover.Take(); err != nil {
		return err
	}
	if o.Notify, err = systemd.New(); err != nil {
		return err
	}
	program, err := handover.Self()
	o.Program = &program
	return err
}
