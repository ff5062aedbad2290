// Package mint makes keys and tokens, and shows what is in one, for trying things. It is no
// identity provider: what it signs is whatever it is told, and it keeps no record. Nothing that
// serves clients uses it.
//
// A token's kid is by default the key's thumbprint (RFC 7638), which is its kid in a set that
// [KeySet] prints too.
package mint
