import { testSituations } from '../../../test/explanation/suite.ts'
import { openHome, withServer } from './home.ts'

withServer()
testSituations(openHome)
