// A classic BPF machine, as far as seccomp filters use it: the tests ask it what a filter answers.
// Source: Documentation/networking/filter.rst; struct seccomp_data in linux/seccomp.h.

export interface Call {
  /** AUDIT_ARCH_* */
  readonly arch: number;
  readonly number: number;
  readonly arguments?: readonly bigint[];
}

export type Verdict = "allow" | `errno ${number}` | `action ${string}`;

/** Runs a filter over one system call. */
export function judgeCall(filter: Buffer, call: Call): Verdict {
  const data = Buffer.alloc(64);
  data.writeInt32LE(call.number | 0, 0);
  data.writeUInt32LE(call.arch, 4);
  (call.arguments ?? []).forEach((value, index) => {
    data.writeBigUInt64LE(BigInt.asUintN(64, value), 16 + 8 * index);
  });
  let accumulator = 0;
  for (let at = 0; at < filter.length / 8; at++) {
    const code = filter.readUInt16LE(8 * at);
    const whenTrue = filter.readUInt8(8 * at + 2);
    const whenFalse = filter.readUInt8(8 * at + 3);
    const k = filter.readUInt32LE(8 * at + 4);
    switch (code) {
      case 0x20: // BPF_LD | BPF_W | BPF_ABS
        accumulator = data.readUInt32LE(k);
        break;
      case 0x54: // BPF_ALU | BPF_AND | BPF_K
        accumulator = (accumulator & k) >>> 0;
        break;
      case 0x05: // BPF_JMP | BPF_JA
        at += k;
        break;
      case 0x15: // BPF_JEQ
        at += accumulator === k ? whenTrue : whenFalse;
        break;
      case 0x25: // BPF_JGT
        at += accumulator > k ? whenTrue : whenFalse;
        break;
      case 0x35: // BPF_JGE
        at += accumulator >= k ? whenTrue : whenFalse;
        break;
      case 0x45: // BPF_JSET
        at += (accumulator & k) !== 0 ? whenTrue : whenFalse;
        break;
      case 0x06: // BPF_RET | BPF_K
        return verdict(k);
      default:
        throw new Error(`instruction ${at} has the unknown code 0x${code.toString(16)}`);
    }
  }
  throw new Error("the filter has no end");
}

function verdict(value: number): Verdict {
  if (value === 0x7fff0000) return "allow";
  if (value >>> 16 === 5) return `errno ${value & 0xffff}`;
  return `action 0x${value.toString(16)}`;
}
