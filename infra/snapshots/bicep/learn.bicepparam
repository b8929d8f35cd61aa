// What the learn profile deploys. Every value here is made up, and nothing is ever deployed from this file.
using '../../bicep/main.bicep'

param profile = 'learn'
param suffix = 'a1b2c'
param deployers = [{ principalId: '00000000-0000-0000-0000-0000000000d0', principalType: 'User' }]

param frontendSigningKey = 'a made-up value, long enough to pass'
param receiptPublicKey = 'a made-up value, long enough to pass'
param receiptSigningKey = 'a made-up value, long enough to pass'
