export * from './strict-request.ts';
