"""discord.py against a service: it logs in, registers a command, sends a message with a button, hears the button and the
command, and resumes its session twice. Prints `agreed` at its end.

Usage: discord_py.py API TOKEN GUILD CHANNEL
"""

import sys

import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

api, token, guild_id, channel_id = sys.argv[1:]
Route.BASE = api
guild = discord.Object(int(guild_id))


class Card(discord.ui.View):
    def __init__(self):
        super().__init__(timeout=None)

    @discord.ui.button(label="Press", custom_id="press", style=discord.ButtonStyle.primary)
    async def press(self, interaction, button):
        button.disabled = True
        await interaction.response.edit_message(content=f"pressed by {interaction.user.name}", view=self)


class Judge(discord.Client):
    def __init__(self):
        super().__init__(intents=discord.Intents.all())
        self.tree = app_commands.CommandTree(self)
        self.begun = 0
        self.resumed = 0

    async def setup_hook(self):
        shards, url, limits = await self.http.get_bot_gateway()
        assert shards == 1 and limits["max_concurrency"] == 1, (shards, limits)
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url)
        synced = await self.tree.sync(guild=guild)
        assert [command.name for command in synced] == ["greet"], synced

    async def on_ready(self):
        self.begun += 1
        found = self.get_guild(guild.id)
        channel = found.get_channel(int(channel_id))
        assert found.name == "Works" and channel.name == "factory" and found.me.id == self.user.id
        assert found.me.guild_permissions.send_messages and found.owner.name == "ada"
        await channel.send("press it", view=Card())

    async def on_resumed(self):
        self.resumed += 1
        if self.resumed == 1:
            await self.get_channel(int(channel_id)).send("resumed")

    async def on_message(self, message):
        if message.content == "!stop":
            assert message.author.name == "ada" and not message.author.bot, message
            await message.reply("heard !stop")
            await self.close()

    async def on_error(self, event, *args, **kwargs):
        await super().on_error(event, *args, **kwargs)
        await self.close()


judge = Judge()


@judge.tree.command(guild=guild, description="Says hello")
async def greet(interaction, name: str):
    await interaction.response.send_message(f"hello {name}", ephemeral=True)


judge.run(token, log_handler=None)
assert judge.begun == 1 and judge.resumed >= 1, (judge.begun, judge.resumed)
print("agreed")
