const fc = require('fast-check');

// The same examples in every run, so that a score can be reproduced; and a mutant that was found out needs no smallest example.
fc.configureGlobal({ seed: 20_260_301, endOnFailure: true });
