package auth

import "context"

// QueuedKey is the key of a context's value, a func(), that is called when a stage has its client
// wait in a queue that has a bound of its own. Whoever made the context need not count the client
// towards another bound from then on. It may be called more than once, by the goroutine that asked
// for the verdict, and returns at once.
type QueuedKey struct{}

// Queued tells whoever made ctx, where that wants to know, that its client has taken a place in
// such a queue.
func Queued(ctx context.Context) {
	if f, ok := ctx.Value(QueuedKey{}).(func()); ok {
		f()
	}
}
