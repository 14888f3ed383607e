import { testSituations } from '../../../test/explanation/suite.ts'
import { openHome, useServer } from './home.ts'

useServer()
testSituations(openHome)
