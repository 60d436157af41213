import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands for what was deployed: asked for a path, it says that the digest in the path is what runs. */
export class SmokedService {
  private constructor(private readonly server: Server) {}

  static async start(): Promise<SmokedService> {
    const server = createServer((request, response) => {
      response.setHeader('x-plimsoll-digest', (request.url ?? '').slice(1));
      response.end('well');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    server.unref();
    return new SmokedService(server);
  }

  /** A smoke suite that finds a digest running. */
  suiteFinding(digest: string): object {
    const { port } = this.server.address() as AddressInfo;
    const check = { name: 'answers', method: 'GET', path: `/${digest}`, expectStatus: 200, expectBodyIncludes: 'well' };
    return { baseUrl: `http://127.0.0.1:${port}`, checks: [check] };
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
