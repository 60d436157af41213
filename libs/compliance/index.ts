export * from './canonical.ts';
export * from './compute.ts';
export { COMPLIANCE_ENGINE, ComplianceFold } from './fold.ts';
export * from './query.ts';
export * from './report.ts';
export { drawSample, SAMPLING } from './sample.ts';
