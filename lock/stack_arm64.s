#include "textflag.h"

// func walk(pcs *[32]uintptr) int
//
// As for amd64: there the frame pointer is R29, and the return address lies above it too.
TEXT ·walk(SB), NOSPLIT|NOFRAME, $0-16
	MOVD pcs+0(FP), R0
	MOVD 8(g), R4     // g.stack.hi
	SUB  $16, R4      // the last address of a whole frame record
	SUB  $16, RSP, R5 // records lie above it, each above the one before; the caller's own lies just below RSP
	MOVD R29, R1
	MOVD $0, R2

next:
	CMP  R5, R1
	BLS  done
	CMP  R4, R1
	BHI  done
	MOVD 8(R1), R3
	MOVD R3, (R0)(R2<<3)
	MOVD R1, R5
	MOVD (R1), R1
	ADD  $1, R2
	CMP  $32, R2
	BLT  next

done:
	MOVD R2, ret+8(FP)
	RET
