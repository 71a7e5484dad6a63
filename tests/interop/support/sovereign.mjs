// The program under test, as other programs see it: commands with output and exit codes, and services.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const binary = process.env.SOVEREIGN;
if (!binary) throw new Error('SOVEREIGN names the binary under test; run.sh sets it');

/** Services that still run: none outlives the tests, however they end. */
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** How long anything may take before a test fails with what it was waiting for. */
export const PATIENCE_MS = 60_000;

/** `promise`, or an error that names `what` when it takes too long. */
export function within(promise, what, ms = PATIENCE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms / 1000} s for ${what}`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A folder of this test, removed by `remove()`. */
export function scratch() {
  const path = mkdtempSync(join(tmpdir(), 'sovereign-interop-'));
  return {
    path,
    at: (...names) => join(path, ...names),
    write(name, text, mode = 0o600) {
      const file = join(path, name);
      writeFileSync(file, text, { mode });
      return file;
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Runs one command to its end: { code, out, err, lines, json }. */
export function run(args, { input = '' } = {}) {
  const child = spawn(binary, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const done = new Promise((resolve, reject) => {
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (err += text));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const lines = out.split('\n').filter((line) => line !== '');
      resolve({
        code: code ?? signal,
        out,
        err,
        lines,
        get json() {
          return lines.map((line) => JSON.parse(line));
        },
      });
    });
  });
  child.stdin.on('error', () => {}); // a command may end without reading its input
  child.stdin.end(input);
  return within(done, `sovereign ${args.join(' ')}`, 2 * PATIENCE_MS).catch((error) => {
    child.kill('SIGKILL');
    throw error;
  });
}

/** Runs a command that must succeed. */
export async function ok(args, options) {
  const result = await run(args, options);
  if (result.code !== 0) throw new Error(`sovereign ${args.join(' ')} exited ${result.code}: ${result.err}${result.out}`);
  return result;
}

/** Starts a service and waits for its first line on stdout: { line, lines, until(prefix), err(), kill(), stop() }. */
export async function start(args, { program = binary } = {}) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (err += text));
  running.add(child);
  const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve(code ?? signal)));
  ended.then(() => running.delete(child));
  const lines = [];
  const output = createInterface({ input: child.stdout });
  output.on('line', (line) => lines.push(line));
  const first = new Promise((resolve, reject) => {
    output.once('line', resolve);
    ended.then((code) => reject(new Error(`sovereign ${args.join(' ')} exited ${code}: ${err}`)));
  });
  const service = {
    lines,
    /** The first line that starts with `prefix`, said or still to come. */
    until: (prefix) =>
      within(
        new Promise((resolve) => {
          const look = () => {
            const line = lines.find((text) => text.startsWith(prefix));
            if (line !== undefined) resolve(line);
          };
          output.on('line', look);
          look();
        }),
        `"${prefix}" of ${args[0]}`,
      ),
    err: () => err,
    /** As a power cut looks to it. */
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    async stop() {
      child.kill('SIGTERM');
      return within(ended, `sovereign ${args[0]} to stop`).catch((error) => {
        child.kill('SIGKILL');
        throw error;
      });
    },
  };
  try {
    service.line = await within(first, `sovereign ${args.join(' ')} to be ready`);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return service;
}

/** `sovereign relay` on a free port: { url, stop }. */
export async function startRelay(...flags) {
  const relay = await start(['relay', '--listen', '127.0.0.1:0', ...flags]);
  return { ...relay, url: relay.line.replace(/^listening /, '') };
}
