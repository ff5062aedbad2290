// Package authtest is help for tests of authentication: a signer of tokens for every
// algorithm, and an identity provider's key set that can be made to fail in many ways.
//
// It is for tests alone. Its keys are generated, once for each process, since an RSA key takes
// a second. Functions panic where a test is written wrongly.
package authtest
