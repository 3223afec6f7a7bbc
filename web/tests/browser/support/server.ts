// A real `meshflow serve` of the build under test, on free ports and in a folder of its own.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const build = resolve(process.env.MESHFLOW_BUILD ?? '../build');
const kStartMs = 30_000;
const kStopMs = 15_000;

export interface Lesson {
  readonly traceId: string;
  readonly runId: string;
  readonly spans: number;
}

export class Server {
  private constructor(
    private readonly process: ChildProcess,
    readonly folder: string,
    private readonly listeners: ReadonlyMap<string, string>,
  ) {}

  // Waits until it serves. `jaeger`: the UI's port, to come back to the same one; 0: a free one. `flags`: more of
  // `meshflow serve`.
  static async start({
    jaeger = 0,
    folder = mkdtempSync(join(tmpdir(), 'meshflow-ui-')),
    flags = [] as string[],
  } = {}): Promise<Server> {
    const ports = ['--otlp-http', '127.0.0.1:0', '--jaeger', `127.0.0.1:${jaeger}`];
    const off = ['--otlp-grpc', 'off', '--tempo', 'off', '--metrics', 'off'];
    const child = spawn(join(build, 'bin/meshflow'), ['--data', folder, 'serve', ...ports, ...off, ...flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const listeners = new Map<string, string>();
    let output = '';
    let errors = '';
    child.stderr.on('data', (bytes) => {
      errors += bytes;
    });
    await new Promise<void>((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`meshflow serve was not ready: ${output}${errors}`)), kStartMs);
      child.on('exit', (code) => fail(new Error(`meshflow serve ended with ${code}: ${errors}`)));
      child.stdout.on('data', (bytes) => {
        output += bytes;
        for (const [, name, address] of output.matchAll(/^listening (\S+) (\S+)$/gm)) listeners.set(name, address);
        if (!/^ready$/m.test(output)) return;
        clearTimeout(timer);
        child.removeAllListeners('exit');
        done();
      });
    });
    return new Server(child, folder, listeners);
  }

  get url(): string {
    return `http://${this.listeners.get('jaeger')}`;
  }
  get port(): number {
    return Number(this.url.slice(this.url.lastIndexOf(':') + 1));
  }

  // The lesson's program, as a reader runs it; back when the server has its run.
  async lesson(task = 'Compare three databases for time series'): Promise<Lesson> {
    const output = execFileSync(join(build, 'hands_on/18_opentelemetry'), ['--no-console', '--task', task], {
      env: { ...process.env, MESHFLOW_MOCK: '1', MESHFLOW_DATA: this.folder },
      encoding: 'utf8',
    });
    const read = (key: string) => new RegExp(`^${key} *: (\\S+)`, 'm').exec(output)![1];
    const lesson = { traceId: read('trace_id'), runId: read('run_id'), spans: Number(read('spans')) };
    await this.whole(lesson.traceId, lesson.spans);
    return lesson;
  }

  // Waits until a trace has exactly so many spans.
  async whole(traceId: string, spans: number): Promise<void> {
    await this.until(async () => {
      const answer = await fetch(`${this.url}/api/traces/${traceId}`);
      return answer.ok && (await answer.json()).data[0].spans.length === spans;
    }, `the whole trace ${traceId}`);
  }

  // A command on the server's data; its standard output. Exit codes in `allowed` are no failure.
  meshflow(words: string[], allowed: readonly number[] = [0]): string {
    const done = spawnSync(join(build, 'bin/meshflow'), words, {
      env: { ...process.env, MESHFLOW_MOCK: '1', MESHFLOW_DATA: this.folder },
      encoding: 'utf8',
      timeout: 60_000,
    });
    if (!allowed.includes(done.status ?? -1))
      throw new Error(`meshflow ${words.join(' ')}: ${done.status} ${done.stderr}`);
    return done.stdout;
  }

  // OTLP as JSON, as any client would send it.
  async send(request: unknown): Promise<void> {
    const answer = await fetch(`http://${this.listeners.get('otlp-http')}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    });
    if (!answer.ok) throw new Error(`the spans were refused: ${answer.status} ${await answer.text()}`);
  }

  // Waits until so many spans of a trace can be read.
  async seen(traceId: string, spans: number): Promise<void> {
    await this.until(async () => {
      const sql = encodeURIComponent(`SELECT count(*) FROM spans WHERE trace_id = '${traceId}'`);
      const answer = await fetch(`${this.url}/api/meshflow/sql?sql=${sql}`);
      return answer.ok && Number((await answer.json()).rows[0][0]) >= spans;
    }, `all of the trace ${traceId}`);
  }

  private async until(isSo: () => Promise<boolean>, what: string) {
    for (const end = Date.now() + 60_000; Date.now() < end; await new Promise((next) => setTimeout(next, 50))) {
      if (await isSo()) return;
    }
    throw new Error(`${what} did not come`);
  }

  // Ends the process; the folder stays, so that another may go on.
  async end(): Promise<void> {
    if (this.process.exitCode !== null) return;
    const gone = new Promise((done) => this.process.once('exit', done));
    this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), kStopMs);
    await gone;
    clearTimeout(timer);
  }

  async stop(): Promise<void> {
    await this.end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
