#include "textflag.h"

// func walk(pcs *[32]uintptr) int
//
// The frame pointer of the caller points to that of its caller, with the return address above it, and so on outwards. No
// step leaves the goroutine's stack: behind a callback from C the chain goes on to another one, where it means nothing.
TEXT ·walk(SB), NOSPLIT|NOFRAME, $0-16
	MOVQ pcs+0(FP), DI
	MOVQ (TLS), R8
	MOVQ 8(R8), R8    // g.stack.hi
	SUBQ $16, R8      // the last address of a whole frame record
	MOVQ SP, R9       // records lie above it, each above the one before
	MOVQ BP, SI
	XORQ AX, AX

next:
	CMPQ SI, R9
	JLS  done
	CMPQ SI, R8
	JHI  done
	MOVQ 8(SI), DX
	MOVQ DX, (DI)(AX*8)
	MOVQ SI, R9
	MOVQ (SI), SI
	INCQ AX
	CMPQ AX, $32
	JLT  next

done:
	MOVQ AX, ret+8(FP)
	RET
