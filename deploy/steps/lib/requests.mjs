// Requests of the steps: to this machine only.
import http from 'node:http';

/** @returns {Promise<{ status: number, headers: object, body: string }>} the body up to 64 KB @throws where no answer came in time */
export function ask({ port, method = 'GET', path = '/', headers = {}, body, timeoutMs = 2_000 }) {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const request = http.request({ host: '127.0.0.1', port, method, path, headers, agent: false, signal }, (response) => {
      const chunks = [];
      let length = 0;
      response.on('data', (chunk) => {
        if (length < 65_536) chunks.push(chunk.subarray(0, 65_536 - length));
        length += chunk.length;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString('utf8') }),
      );
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}
