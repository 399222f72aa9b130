package process

const RaceEnabled = raceEnabled
