"""adminbot: BotFather for a Matrix server that is yours."""
