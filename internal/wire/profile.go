package wire

import (
	"math"

	"github.com/fxamacker/cbor/v2"
)

// maxDepth is how deep arrays and maps may lie in one another, on both sides.
const maxDepth = 1000

// The profile, as far as it is not the library's default, which is checked with each release of it. Each line has a test.
var (
	encoder = must(cbor.EncOptions{
		Time:          cbor.TimeRFC3339Nano, // keeps the offset and the nanoseconds
		TimeTag:       cbor.EncTagRequired,
		TextMarshaler: cbor.TextMarshalerTextString,
		NaNConvert:    cbor.NaNConvertNone, // the bits of a NaN are the user's
		// The other side reads such arrays as any others.
		ToIndefArrayStructTag: cbor.ToIndefArrayStructTagAllowed,
		// The same value is always the same bytes: a cluster knows a call of a run by them.
		Sort: cbor.SortBytewiseLexical,
	}.UserBufferEncMode())
	decoder = must(cbor.DecOptions{
		TimeTag:          cbor.DecTagOptional, // the zero time has none
		MaxNestedLevels:  maxDepth,
		MaxArrayElements: math.MaxInt32,
		MaxMapPairs:      math.MaxInt32,
		UTF8:             cbor.UTF8DecodeInvalid,    // a Go string may hold any bytes
		DupMapKey:        cbor.DupMapKeyEnforcedAPF, // else each side may see another value
		TextUnmarshaler:  cbor.TextUnmarshalerTextString,
	}.DecMode())
)

func must[M any](mode M, err error) M {
	if err != nil {
		panic("potok: the profile of internal/wire: " + err.Error())
	}
	return mode
}
