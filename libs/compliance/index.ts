export {
  assess,
  sectionFindings,
  type AssessedControl,
  type AssessedFramework,
  type AssessedObjective,
  type ObjectiveStatus,
} from './assess.ts';
export * from './canonical.ts';
export * from './compute.ts';
export { COMPLIANCE_ENGINE, ComplianceFold } from './fold.ts';
export * from './formats/index.ts';
export * from './framework.ts';
export * from './load-frameworks.ts';
export * from './proofs.ts';
export * from './query.ts';
export * from './report.ts';
export { drawSample, SAMPLING } from './sample.ts';
