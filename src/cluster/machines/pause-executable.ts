/**
 * The program of pods' sandboxes: it holds their namespaces, so it has nothing
 * to do but to stay. As the first process of a shared PID namespace it also has
 * to let the kernel reap what others leave behind, and to end when it is asked.
 *
 *   sigaction(SIGCHLD, ignore)    the kernel reaps by itself
 *   block SIGINT and SIGTERM      the first process of a namespace does not get them by default
 *   wait for one of the two       again, where something interrupts
 *   exit 0
 *
 * A static ELF file, small enough to be written down here as machine code: no
 * compiler and no registry are needed.
 */
import { assert } from '../../base/assert.ts';

const fileHeaderBytes = 64;
const programHeaderBytes = 56;
const loadAddress = 0x400000;
const codeOffset = fileHeaderBytes + programHeaderBytes;

const sigint = 2;
const sigterm = 15;
const sigchld = 17;
const sigsetBytes = 8;

interface Target {
  readonly elfMachine: number;
  /** The code, given how far behind its first byte the data lie; its own length does not depend on that. */
  code(dataOffset: number): Buffer;
}

/** By the names that Node gives architectures. */
const targets: Readonly<Record<string, Target>> = {
  x64: { elfMachine: 62, code: codeForX64 },
  arm64: { elfMachine: 183, code: codeForArm64 },
};

export function pauseExecutable(architecture: string): Buffer {
  const target = targets[architecture];
  if (!target) throw new Error(`there is no pause program for ${architecture}: bring a sandbox image of your own`);
  const data = sharedData();
  const length = target.code(0).length;
  const dataOffset = length + (8 - (length % 8)) % 8;
  const code = target.code(dataOffset);
  assert(code.length === length, 'the length of the code does not depend on where its data are');
  return elfFile(target.elfMachine, Buffer.concat([code, Buffer.alloc(dataOffset - length), data]));
}

/** A `struct sigaction` that ignores, and the set of the two signals. */
function sharedData(): Buffer {
  const data = Buffer.alloc(40);
  data.writeBigUInt64LE(1n, 0);
  data.writeBigUInt64LE((1n << BigInt(sigint - 1)) | (1n << BigInt(sigterm - 1)), actionBytes);
  return data;
}
const actionBytes = 32;

function codeForX64(dataOffset: number): Buffer {
  const bytes: number[] = [];
  const put = (...opcode: number[]) => bytes.push(...opcode);
  const immediate = (value: number, ...opcode: number[]) => put(...opcode, value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >>> 24) & 0xff);
  const eax = (value: number) => immediate(value, 0xb8);
  const edi = (value: number) => immediate(value, 0xbf);
  /** lea register, [rip + distance]; `modrm` says which register. */
  const lea = (modrm: number, offset: number) => immediate(offset - (bytes.length + 7), 0x48, 0x8d, modrm);
  const clear = { esi: () => put(0x31, 0xf6), edi: () => put(0x31, 0xff), edx: () => put(0x31, 0xd2) };
  const r10d = (value: number) => immediate(value, 0x41, 0xba);
  const syscall = () => put(0x0f, 0x05);
  const [rsi, rdi] = [0x35, 0x3d];

  eax(13);
  edi(sigchld);
  lea(rsi, dataOffset);
  clear.edx();
  r10d(sigsetBytes);
  syscall();
  eax(14);
  clear.edi();
  lea(rsi, dataOffset + actionBytes);
  clear.edx();
  r10d(sigsetBytes);
  syscall();
  const again = bytes.length;
  eax(128);
  lea(rdi, dataOffset + actionBytes);
  clear.esi();
  clear.edx();
  r10d(sigsetBytes);
  syscall();
  // test eax, eax; js again
  put(0x85, 0xc0, 0x78, (again - (bytes.length + 4)) & 0xff);
  eax(231);
  clear.edi();
  syscall();
  return Buffer.from(bytes);
}

function codeForArm64(dataOffset: number): Buffer {
  const words: number[] = [];
  const put = (instruction: number) => words.push(instruction >>> 0);
  const here = () => words.length * 4;
  const move = (register: number, value: number) => put(0xd2800000 | (value << 5) | register);
  const address = (register: number, offset: number) => {
    const distance = offset - here();
    put(0x10000000 | ((distance & 3) << 29) | (((distance >> 2) & 0x7ffff) << 5) | register);
  };
  const call = (number: number) => {
    move(8, number);
    put(0xd4000001);
  };

  move(0, sigchld);
  address(1, dataOffset);
  move(2, 0);
  move(3, sigsetBytes);
  call(134);
  move(0, 0);
  address(1, dataOffset + actionBytes);
  move(2, 0);
  move(3, sigsetBytes);
  call(135);
  const again = here();
  address(0, dataOffset + actionBytes);
  move(1, 0);
  move(2, 0);
  move(3, sigsetBytes);
  call(137);
  // tbnz w0, #31, again
  put(0x37000000 | (31 << 19) | ((((again - here()) >> 2) & 0x3fff) << 5));
  move(0, 0);
  call(94);
  const code = Buffer.alloc(words.length * 4);
  words.forEach((instruction, index) => code.writeUInt32LE(instruction, index * 4));
  return code;
}

/** One segment, loaded as it is, that begins at its first byte behind the headers. */
function elfFile(machine: number, content: Buffer): Buffer {
  const headers = Buffer.alloc(codeOffset);
  const size = codeOffset + content.length;
  headers.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  headers.writeUInt16LE(2, 16); // an executable
  headers.writeUInt16LE(machine, 18);
  headers.writeUInt32LE(1, 20);
  headers.writeBigUInt64LE(BigInt(loadAddress + codeOffset), 24); // where it begins
  headers.writeBigUInt64LE(BigInt(fileHeaderBytes), 32); // where the program headers are
  headers.writeUInt16LE(fileHeaderBytes, 52);
  headers.writeUInt16LE(programHeaderBytes, 54);
  headers.writeUInt16LE(1, 56);
  const segment = headers.subarray(fileHeaderBytes);
  segment.writeUInt32LE(1, 0); // to be loaded
  segment.writeUInt32LE(5, 4); // readable, executable
  segment.writeBigUInt64LE(BigInt(loadAddress), 16);
  segment.writeBigUInt64LE(BigInt(loadAddress), 24);
  segment.writeBigUInt64LE(BigInt(size), 32);
  segment.writeBigUInt64LE(BigInt(size), 40);
  segment.writeBigUInt64LE(0x10000n, 48); // alignment: the largest page of arm64
  return Buffer.concat([headers, content]);
}
