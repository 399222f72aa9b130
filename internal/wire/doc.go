// Package wire is how calls leave this process: arguments, results and errors as bytes, the same for processes and for
// the cluster.
//
//	err := wire.CheckTask(task)             // once: can its types be sent at all?
//	frame, err = wire.Append(frame, &in)    // version, codec, payload, behind what is there
//	err = wire.Decode(payload, &out)        // out is zero before
//	frame = wire.AppendError(frame, failed)
//	far, err := wire.DecodeError(payload)
//
// A value is CBOR (RFC 8949), but for a []byte, which goes as it is. Tags of fields are those named cbor or, where there
// is none, json. What [CheckType] passes comes back as it was, save what no copy can keep or a tag gives away: two
// pointers to one thing come to point to two; a time keeps its instant and its offset, but not the name of its zone nor
// its monotonic reading; a slice or a map tagged omitempty becomes nil if it is empty. What the codec would drop in
// silence CheckType refuses before anything is sent. [Append] refuses what only a value can show: nesting too deep for
// the other side, a cycle among it, and the few times that have no text.
//
// [Decode] and [DecodeError] read what others have written. Whatever it is, they do not panic nor recurse deeper than
// they allow, and nothing is allocated for a length before that many bytes are there. So they take no more memory than a
// small multiple of what they are given, where the elements of the slices and maps of the type are small themselves:
// one byte can be a whole zero element.
//
// The package starts no goroutines, never blocks, and is safe for concurrent use.
package wire
