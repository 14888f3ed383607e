import { testSituations } from '../../../test/explanation/suite.ts'
import { openHome } from './home.ts'

testSituations(openHome)
